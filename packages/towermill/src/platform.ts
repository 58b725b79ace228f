import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { allDuties, startDuties, startTicker } from "@towermill/duties";
import { createEvaluator, type Evaluator } from "@towermill/expression";
import {
  createDeployedFlows,
  createFlowDriver,
  newFlowJob,
  type DeployedFlows,
  type FlowDriver,
  type FlowVersion,
} from "@towermill/flow-driver";
import { createDispatcher, createPartitions, type Dispatcher } from "@towermill/queue";
import { createMcp } from "@towermill/mcp";
import { createUnattended, type Flows } from "@towermill/runnable";
import { createServer, listen, type Listening } from "@towermill/server";
import {
  errorCode,
  migrate,
  openBus,
  openPool,
  startEmbedded,
  type Bus,
  type Database,
  type EmbeddedPostgres,
  type Log,
} from "@towermill/store";
import { openVault, type Vault } from "@towermill/vault";
import type { RunningWorker } from "@towermill/worker";
import { faces } from "./http.ts";
import { readInstanceKey, requireSameKey } from "./instance-key.ts";
import type { Mode, Settings } from "./setting.ts";
import { startJobs, type Jobs } from "./jobs.ts";
import { version } from "./version.ts";

/** What every part of a process shares. */
export interface Base {
  settings: Settings;
  log: Log;
  databaseUrl: string;
  db: Database;
  bus: Bus;
  dispatcher: Dispatcher;
  vault: Vault;
  instanceKey: Buffer;
  flows: DeployedFlows;
  evaluator: Evaluator;
  /** Moves flows: a worker when a step ends, a server when somebody approves. */
  flowDriver: FlowDriver;
}

export interface Platform extends Base {
  /** Where the server listens, `undefined` in a process without one. */
  address: string | undefined;
  jobs: Jobs | undefined;
  worker: RunningWorker | undefined;
  /** Stops in order: no new requests, no new jobs, running jobs end or go back, then the database. */
  stop(): Promise<void>;
}

/** Names this process among others for as long as it lives. */
const processName = `${process.pid}-${randomBytes(4).toString("hex")}`;

/** The embedded PostgreSQL where no `DATABASE_URL` is set; `null` otherwise. */
export async function openDatabase(
  settings: Settings,
  log: Log,
): Promise<{ url: string; embedded: EmbeddedPostgres | null }> {
  if (settings.DATABASE_URL !== undefined) return { url: settings.DATABASE_URL, embedded: null };
  const embedded = await startEmbedded({ dataFolder: settings.dataFolder, log });
  return { url: embedded.url, embedded };
}

/** Stops what was started, last first, also when a later start fails. */
class Stack {
  #stops: (() => Promise<unknown> | void)[] = [];
  push(stop: () => Promise<unknown> | void): void {
    this.#stops.push(stop);
  }
  async unwind(log: Log): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) {
      await Promise.resolve()
        .then(stop)
        .catch((error: unknown) => log.warn({ err: error }, "a part did not stop cleanly"));
    }
  }
}

/** How long a start waits for a PostgreSQL that is itself still starting or recovering. */
const databaseStartMs = 30_000;

async function migratePatiently(url: string, log: Log): Promise<void> {
  const giveUpAt = performance.now() + databaseStartMs;
  for (;;) {
    try {
      await migrate({ url, log });
      return;
    } catch (error) {
      // 57P03: the database system is starting up
      if (errorCode(error) !== "57P03" || performance.now() > giveUpAt) throw error;
      await sleep(250);
    }
  }
}

async function openBase(settings: Settings, log: Log, stack: Stack): Promise<Base> {
  const instanceKey = readInstanceKey(settings);
  const { url: databaseUrl, embedded } = await openDatabase(settings, log);
  if (embedded) stack.push(() => embedded.stop());
  await migratePatiently(databaseUrl, log);
  const pooler = settings.TOWERMILL_POOLER === "true";
  const db = openPool({ url: databaseUrl, max: 20, applicationName: "towermill", pooler, log });
  stack.push(() => db.close());
  await requireSameKey(db, instanceKey);
  await createPartitions(db, new Date());
  const bus = await openBus({ url: databaseUrl, log });
  stack.push(() => bus.close());
  const vault = openVault({ db, bus, instanceKey });
  const dispatcher = createDispatcher({ db, bus });
  const flows = createDeployedFlows({ db, bus });
  const evaluator = createEvaluator();
  stack.push(() => evaluator.close());
  const flowDriver = createFlowDriver({ db, bus, dispatcher, log, vault, deployed: flows, evaluator });
  return { settings, log, databaseUrl, db, bus, dispatcher, vault, instanceKey, flows, evaluator, flowDriver };
}

/** A part that starts later than those that may ask for it. */
interface Later<T> {
  value?: T;
}

async function openServer(base: Base, stack: Stack, jobs: Later<Jobs>): Promise<Listening> {
  const { settings, log, db, bus, dispatcher, vault, instanceKey, flowDriver } = base;
  const baseUrl = (settings.BASE_URL ?? `http://localhost:${settings.PORT}`).replace(/\/$/, "");
  const server = createServer({
    db,
    bus,
    dispatcher,
    vault,
    flowDriver,
    log,
    version,
    baseUrl,
    instanceKey,
    clock: { now: () => new Date() },
    bodyLimit: settings.TOWERMILL_BODY_LIMIT_MB * 1024 * 1024,
    trustedProxies: settings.TOWERMILL_TRUSTED_PROXIES,
    waitLimitMs: settings.TIMEOUT_WAIT_RESULT * 1000,
    streamLimitMs: settings.TIMEOUT_SSE_STREAM * 1000,
    runnerStats: () => jobs.value?.executor.stats(),
  });
  const mcp = createMcp({ ...server.mcpHost, queryTokens: settings.TOWERMILL_MCP_QUERY_TOKENS === "true" });
  const listening = await listen(faces(server, mcp), { host: settings.HOST, port: settings.PORT });
  stack.push(() => listening.close());
  stack.push(() => mcp.close());
  return listening;
}

/** The background work: duties that one process does at a time, and the ticker of schedules that every server has. */
function openBackground(base: Base, stack: Stack): void {
  const { db, bus, dispatcher, log, settings, flowDriver, flows: deployed, evaluator } = base;
  const flows: Flows<FlowVersion> = { resolve: (who, target) => deployed.resolve(who, target), newJob: newFlowJob };
  const duties = startDuties({
    db,
    bus,
    dispatcher,
    log,
    now: () => new Date(),
    retentionDays: settings.TOWERMILL_RETENTION_DAYS,
    duties: allDuties,
    holder: processName,
    flowDriver,
    unattended: createUnattended<FlowVersion>({ db, bus, flows }),
  });
  stack.push(() => duties.stop());
  const ticker = startTicker<FlowVersion>({
    db,
    bus,
    dispatcher,
    log,
    flowDriver,
    flows,
    async retryIf(expression, { workspace, result, error }) {
      return (
        (await evaluator.evaluate(expression, { domain: workspace, predicate: true, inputs: { result, error } })) ===
        "true"
      );
    },
  });
  stack.push(() => ticker.stop());
}

/** Starts the parts of a mode in one process. Whatever fails, nothing is left running. */
export async function startPlatform(mode: Mode, settings: Settings, log: Log): Promise<Platform> {
  const stack = new Stack();
  try {
    const base = await openBase(settings, log, stack);
    const started: Later<Jobs> = {};
    let address: string | undefined;
    let internalUrl = settings.BASE_INTERNAL_URL ?? settings.BASE_URL ?? `http://127.0.0.1:${settings.PORT}`;
    if (mode !== "worker") {
      const listening = await openServer(base, stack, started);
      openBackground(base, stack);
      address = `http://${settings.HOST === "0.0.0.0" ? "localhost" : settings.HOST}:${listening.port}`;
      internalUrl = settings.BASE_INTERNAL_URL ?? `http://127.0.0.1:${listening.port}`;
    }
    const jobs =
      mode === "server"
        ? undefined
        : await startJobs(base, { internalUrl, baseUrl: settings.BASE_URL ?? address ?? internalUrl });
    if (jobs) {
      started.value = jobs;
      stack.push(() => jobs.stop());
    }
    return { ...base, address, jobs, worker: jobs?.worker, stop: () => stack.unwind(log) };
  } catch (error) {
    await stack.unwind(log);
    throw error;
  }
}
