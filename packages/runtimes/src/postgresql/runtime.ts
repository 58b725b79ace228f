import { jsonMembers } from "@towermill/contract";
import { postgresqlParameters, sqlInterpolations } from "@towermill/signature";
import { stoppedError } from "../pool/outcome.ts";
import type { JobError, NativeRuntime, RunIo, RunnerKind, RunOutcome, RunRequest } from "../runtime.ts";
import { bind, castsOf } from "./binding.ts";
import { connect, type Connection } from "./connection.ts";
import { readDatabase, type DatabaseAddress } from "./database.ts";
import { collectionOf, unsupported, type Collection } from "./directive.ts";
import { sqlError } from "./failure.ts";
import { interpolateText } from "./interpolate.ts";
import { ask } from "./query.ts";
import { collect, Rows } from "./rows.ts";
import { ConnectionShelf } from "./shelf.ts";
import { splitStatements } from "./statement.ts";

/** A script that is ready to be sent. */
interface Script {
  address: DatabaseAddress;
  collection: Collection;
  statements: { text: string; values: (string | null)[] }[];
  /** Sessions are used again inside one of these only. */
  domain: string;
}

/** How long a statement that was asked to end may still take. */
const graceMs = 2000;

/**
 * PostgreSQL: scripts run in the worker itself, one session at a time, statement by statement as psql would; a script
 * that wants them to be one transaction says `begin` and `commit`.
 */
export function postgresqlRuntime({ resultBytes }: { resultBytes: number }): NativeRuntime {
  const shelf = new ConnectionShelf();
  const running = new Set<Promise<RunOutcome>>();
  const stopping = new AbortController();
  return {
    languages: ["postgresql"],
    detection: { available: true, version: "any server from PostgreSQL 10 on", command: "built in" },
    run: async (request, io, signal) => {
      const run = new Run({ request, io, shelf, resultBytes });
      const outcome = run.outcome(AbortSignal.any([signal, stopping.signal]));
      running.add(outcome);
      return outcome.finally(() => running.delete(outcome));
    },
    stop: async () => {
      stopping.abort();
      await Promise.allSettled(running);
      await shelf.close();
    },
  };
}

function prepare(request: RunRequest): Script {
  const { content } = request.script;
  const missing = unsupported(content);
  if (missing !== null) throw new Error(`This worker does not know ${missing}`);
  const args = jsonMembers(request.args);
  const address = readDatabase(args.get("database"));
  const parameters = postgresqlParameters(content);
  const byPosition = new Map(parameters.map((parameter) => [parameter.position, parameter]));
  const valueAt = (position: number): string | null => {
    const parameter = byPosition.get(position);
    return parameter === undefined ? null : bind(parameter, args.get(parameter.name));
  };
  const text = interpolateText(content, sqlInterpolations(content), args);
  return {
    address,
    collection: collectionOf(content),
    statements: splitStatements(text, castsOf(parameters)).map((statement) => {
      return { text: statement.text, values: statement.positions.map(valueAt) };
    }),
    domain: JSON.stringify([request.domain, args.get("database")]),
  };
}

interface RunParts {
  request: RunRequest;
  io: RunIo;
  shelf: ConnectionShelf;
  resultBytes: number;
}

class Run {
  readonly #parts: RunParts;
  readonly #startedAt = performance.now();
  readonly #stop = new AbortController();
  #runner: RunnerKind = "cold";
  #startMs = 0;
  /** The statement that is running, for the words of its failure. */
  #text: string | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async outcome(signal: AbortSignal): Promise<RunOutcome> {
    const { request } = this.#parts;
    const cancel = (): void => this.#stop.abort("canceled");
    const timer = setTimeout(() => this.#stop.abort("timeout"), request.timeoutMs);
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      const result = await this.#result(prepare(request));
      return { status: "success", result, ...this.#measure() };
    } catch (error) {
      const stopped: unknown = this.#stop.signal.reason;
      if (stopped === "timeout" || stopped === "canceled") return this.#failed(stopped, stoppedError(stopped, request));
      return this.#failed("error", sqlError(error, this.#text));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    }
  }

  async #result(script: Script): Promise<string> {
    const { shelf, request, io } = this.#parts;
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const kept = request.fresh ? null : await shelf.take(script.domain);
    const connection = kept ?? (await connect(script.address, signal));
    this.#runner = kept === null ? "cold" : "reused";
    this.#startMs = performance.now() - this.#startedAt;
    const say = (notice: { severity?: string | undefined; message?: string | undefined }): void =>
      io.log(`${notice.severity ?? "NOTICE"}: ${notice.message ?? ""}\n`);
    connection.client.on("notice", say);
    let grace: NodeJS.Timeout | undefined;
    const abort = (): void => {
      connection.cancel();
      grace = setTimeout(() => connection.destroy(), graceMs);
    };
    signal.addEventListener("abort", abort, { once: true });
    let isGood = false;
    try {
      signal.throwIfAborted();
      const result = await this.#statements(connection, script);
      isGood = true;
      return result;
    } finally {
      clearTimeout(grace);
      signal.removeEventListener("abort", abort);
      connection.client.removeListener("notice", say);
      if (isGood && !request.fresh && !signal.aborted) shelf.giveBack(script.domain, connection);
      else await connection.end();
    }
  }

  async #statements(connection: Connection, { statements, collection }: Script): Promise<string> {
    const { resultBytes } = this.#parts;
    const collected: Rows[] = [];
    let bytes = 0;
    for (const [index, { text, values }] of statements.entries()) {
      this.#stop.signal.throwIfAborted();
      this.#text = text;
      const rows = new Rows(collection);
      const isKept = collection.statements !== "last" || index === statements.length - 1;
      await ask(connection, {
        text,
        values,
        onRow: (row, fields) => {
          if (isKept) bytes += rows.add(row, fields);
          if (bytes > resultBytes) throw new Error(tooLarge(resultBytes));
        },
      });
      if (isKept) collected.push(rows);
    }
    return collect(collected, collection);
  }

  #measure(): { runner: RunnerKind; startMs: number; memPeakKb: number } {
    return { runner: this.#runner, startMs: this.#startMs, memPeakKb: 0 };
  }

  #failed(reason: "timeout" | "canceled" | "error", error: JobError): RunOutcome {
    return { status: "failure", reason, error, ...this.#measure() };
  }
}

function tooLarge(limit: number): string {
  const size = limit >= 1024 * 1024 ? `${limit / (1024 * 1024)} MiB` : `${limit} bytes`;
  return `The rows are larger than ${size}, the most a result may have: select fewer rows or columns, or use LIMIT`;
}
