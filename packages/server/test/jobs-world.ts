import { randomBytes } from "node:crypto";
import { createEvaluator } from "@towermill/expression";
import { createDeployedFlows, createFlowDriver } from "@towermill/flow-driver";
import {
  appendLogs,
  claimJobs,
  completeJobs,
  createDispatcher,
  hashToken,
  jobToken,
  type ClaimedJob,
  type Completion,
} from "@towermill/queue";
import { openBus, silentLog, sql, type Bus, type Database } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { openVault } from "@towermill/vault";
import { jobRoutes } from "../src/handlers/job-routes.ts";
import { createApp } from "../src/http/app.ts";
import { createAuthentication } from "../src/identity/authentication.ts";
import type { Services } from "../src/services.ts";

const people = ["admin", "alice", "bob", "olga", "eve"] as const;

/** One call as somebody; a body is sent as JSON, a string as it is. */
export interface Sent {
  as?: string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** What the test's worker makes of a job: an answer, or nothing to leave it running. */
export type Program = (
  job: ClaimedJob,
) => Promise<Omit<Completion, "id" | "attempt"> | null> | Omit<Completion, "id" | "attempt"> | null;

async function fill(db: Database): Promise<void> {
  await db.execute(
    sql`insert into workspace (id, name, owner) values ('w', 'W', 'admin@example.com'), ('other', 'O', 'eve@example.com')`,
  );
  for (const name of people) {
    const email = `${name}@example.com`;
    const workspace = name === "eve" ? "other" : "w";
    await db.execute(sql`insert into account (email, super_admin) values (${email}, ${name === "admin"})`);
    await db.execute(sql`insert into member (workspace_id, username, email, is_admin, operator)
      values (${workspace}, ${name}, ${email}, ${name === "admin"}, ${name === "olga"})`);
    await addToken(db, { name, token: name });
  }
  await db.execute(sql`insert into folder (workspace_id, name, owners, extra_perms)
    values ('w', 'shared', '{u/alice}', '{"u/bob": false, "u/olga": false}')`);
}

async function addToken(
  db: Database,
  { name, token, scopes = null }: { name: string; token: string; scopes?: string[] | null },
): Promise<void> {
  await db.execute(sql`insert into token (hash, prefix, email, scopes)
    values (${hashToken(token)}, ${token.slice(0, 10)}, ${`${name}@example.com`}, ${scopes})`);
}

interface Script {
  path: string;
  hash: string;
  workspace?: string;
  options?: Record<string, unknown>;
  lock?: string | null;
  extraPerms?: Record<string, boolean>;
}

async function addScript(
  db: Database,
  { path, hash, workspace = "w", options = {}, lock = "", extraPerms = {} }: Script,
): Promise<void> {
  await db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, options, extra_perms, created_by)
    values (${workspace}, ${hash}, ${path}, 'export function main() {}', 'bun', ${lock}, ${sql.json(options)}, ${sql.json(extraPerms)}, 'alice')`);
}

/** A worker that claims what it is woken for and answers what a program says. */
function testWorker({ db, bus, services }: { db: Database; bus: Bus; services: Services }) {
  let program: Program | null = null;
  let working: Promise<void> = Promise.resolve();
  const tags = ["bun", "dependency", "flow", "other", "gpu", "bash"];
  const runOne = async (job: ClaimedJob, run: Program): Promise<void> => {
    const answer = await run(job);
    if (answer) services.dispatcher.ended(await completeJobs(db, [{ id: job.id, attempt: job.attempt, ...answer }]));
  };
  const drain = async (): Promise<void> => {
    while (program) {
      const run = program;
      const jobs = await claimJobs(db, { worker: "test-worker", tags, count: 8 });
      if (jobs.length === 0) return;
      await Promise.all(jobs.map((job) => runOne(job, run)));
    }
  };
  const wake = (): void => {
    working = working.then(drain);
  };
  bus.subscribe("wake", wake);
  return {
    /** Runs what waits and comes from now on; `null` stops. @returns when nothing is under way */
    async work(next: Program | null): Promise<void> {
      program = next;
      wake();
      await working;
    },
  };
}

/**
 * A workspace `w` over a real database: `admin` (a superadmin), the developers `alice` (owns folder `shared`) and `bob`
 * (reads it), the operator `olga` (reads it), and `eve`, who is in another workspace. Jobs are run by a worker of the test.
 */
export async function jobsWorld() {
  const { db, url } = await testDatabase();
  const bus = await openBus({ url });
  whenDone(() => bus.close());
  await fill(db);
  const instanceKey = randomBytes(32);
  const dispatcher = createDispatcher({ db, bus });
  const vault = openVault({ db, bus, instanceKey });
  const evaluator = createEvaluator();
  whenDone(() => evaluator.close());
  const deployed = createDeployedFlows({ db, bus });
  const services: Services = {
    db,
    bus,
    dispatcher,
    vault,
    flowDriver: createFlowDriver({ db, bus, dispatcher, log: silentLog, vault, deployed, evaluator }),
    clock: { now: () => new Date() },
    log: silentLog,
    version: "0.0.0",
    baseUrl: "http://localhost",
    instanceKey,
    bodyLimit: 1_000_000,
    waitLimitMs: 20_000,
    streamLimitMs: 20_000,
  };
  const auth = createAuthentication({ db, bus, now: () => new Date() });
  const app = createApp({ services, auth, routes: jobRoutes(services, auth) });
  const worker = testWorker({ db, bus, services });
  whenDone(() => worker.work(null));
  const call = async (
    path: string,
    { as = "alice", method, body, headers = {}, signal }: Sent = {},
  ): Promise<Response> =>
    app.request(`http://localhost/api/${path.startsWith("/") ? path.slice(1) : `w/w/${path}`}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(as === "" ? {} : { authorization: `Bearer ${as}` }),
        "content-type": "application/json",
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  const said = async (path: string, sent: Sent = {}): Promise<[number, string]> => {
    const response = await call(path, sent);
    return [response.status, await response.text()];
  };
  return {
    db,
    bus,
    app,
    services,
    call,
    /** Status and body text of a call. */
    said,
    work: worker.work,
    /** The JSON a call answers; fails on an error status. */
    async json<T = Record<string, unknown>>(path: string, sent: Sent = {}): Promise<T> {
      const [status, text] = await said(path, sent);
      if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
      return JSON.parse(text) as T;
    },
    /** Starts a script; fails unless it answers a job id. */
    async run(path: string, body: unknown = {}, sent: Sent = {}): Promise<string> {
      const [status, text] = await said(`jobs/run/p/${path}`, { ...sent, body });
      if (status !== 201) throw new Error(`${path}: ${status} ${text}`);
      return text;
    },
    addScript: (script: Script) => addScript(db, script),
    addToken: (name: string, token: string, scopes: string[]) => addToken(db, { name, token, scopes }),
    /** A log line of a running job, as its worker writes it. */
    async log(id: string, position: number, text: string): Promise<void> {
      await appendLogs(db, [{ jobId: id, attempt: 1, position, text }]);
      bus.publish("logs", [id]);
    },
    tokenOf: (job: ClaimedJob) => jobToken(job.id, job.secret),
    async clear(): Promise<void> {
      await worker.work(null);
      for (const table of [
        "job",
        "job_queue",
        "job_done",
        "job_log",
        "job_live",
        "concurrency_slot",
        "concurrency_key",
        "result_cache",
        "worker",
        "global_setting",
      ]) {
        await db.execute(sql`delete from ${sql.ident(table)}`);
      }
      bus.publish("changed", ["tags:*"]);
    },
  };
}
