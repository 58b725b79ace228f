import { randomBytes } from "node:crypto";
import type { Member } from "@towermill/contract";
import { createEvaluator } from "@towermill/expression";
import {
  createDeployedFlows,
  createFlowDriver,
  newFlowJob,
  readFlowStatus,
  type FlowDriver,
} from "@towermill/flow-driver";
import { createDispatcher, type Dispatcher, type NewJob } from "@towermill/queue";
import type { Runner, TagRules } from "@towermill/runnable";
import { createExecutor, standardRuntimes } from "@towermill/runtimes";
import { openBus, silentLog, sql, type Bus, type Database, type Sql } from "@towermill/store";
import { testDatabase, testFolder, whenDone } from "@towermill/testkit";
import { openVault, type Vault } from "@towermill/vault";
import { createCode } from "./code.ts";
import { startWorker, type RunningWorker } from "./worker.ts";

/** Everything that flows need, really there: a database, a worker, the processes of the languages. */
export interface FlowWorld {
  db: Database;
  bus: Bus;
  vault: Vault;
  url: string;
  dispatcher: Dispatcher;
  driver: FlowDriver;
  worker(): RunningWorker;
  /** A driver as another process has it: it remembers nothing of what the world's did. */
  otherDriver(): FlowDriver;
  /** Commits that wrote something so far: statements by themselves, and transactions. */
  writes(): string[];
  /** Runs a flow to its end. */
  run(value: object, args?: object, fields?: Partial<NewJob>): Promise<FlowRun>;
  /** Starts one. @returns its id */
  start(value: object, args?: object, fields?: Partial<NewJob>): Promise<string>;
  ended(id: string): Promise<FlowRun>;
  status(id: string): Promise<PublicStatus>;
  deploy(path: string, value: object): Promise<void>;
}

export interface FlowRun {
  id: string;
  status: string;
  result: unknown;
  flow: PublicStatus;
}

export interface PublicStatus {
  step: number;
  modules: { id: string; type: string; job?: string; [field: string]: unknown }[];
  [field: string]: unknown;
}

export const alice: Member = {
  workspace: "admins",
  email: "alice@example.com",
  username: "alice",
  isAdmin: true,
  isOperator: false,
  groups: ["all"],
  foldersRead: [],
  foldersWrite: [],
  foldersOwned: [],
};

export const runner: Runner = { requester: { scopes: null, triggerKind: null, tags: "unserved" }, member: alice };
export const rules: TagRules = { custom: [], perWorkspace: false, served: new Set() };

export async function openFlowWorld({ slots = 2, maxIterations = 100_000 } = {}): Promise<FlowWorld> {
  const { db: plain, url } = await testDatabase();
  const { db, writes } = counted(plain);
  const folder = testFolder();
  const bus = await openBus({ url });
  const dispatcher = createDispatcher({ db, bus });
  const vault = openVault({ db, bus, instanceKey: randomBytes(32) });
  const cacheFolder = `${folder}/cache`;
  const executor = await createExecutor({
    folder: `${folder}/worker`,
    cacheFolder,
    slots,
    isolation: "auto",
    runtimes: (runTool) => standardRuntimes({ cacheFolder, runTool }),
  });
  const evaluator = createEvaluator({ threads: 1 });
  const deployed = createDeployedFlows({ db, bus });
  const log = process.env["FLOW_LOG"] ? console : null;
  const loud = { info: () => undefined, warn: log?.warn ?? silentLog.warn, error: log?.error ?? silentLog.error };
  const driver = createFlowDriver({
    db,
    bus,
    dispatcher,
    log: { ...silentLog, ...loud },
    vault,
    deployed,
    evaluator,
    maxIterations,
  });
  const worker = await startWorker({
    db,
    bus,
    log: silentLog,
    dispatcher,
    flows: driver,
    databaseUrl: url,
    vault,
    executor,
    code: createCode({ db, bus }),
    environment: { baseUrl: "http://towermill.example", internalUrl: "http://127.0.0.1:1", workerGroup: "default" },
    groupEnvironment: {},
    maximumTimeoutSeconds: 60,
    memoryLimitMb: 512,
    alwaysFresh: false,
    group: "default",
    tags: ["bun", "bash", "python3", "flow", "dependency", "other"],
    slots,
    version: "test",
    pollMs: 100,
  });
  whenDone(async () => {
    await worker.stop(1000);
    await executor.stop();
    await evaluator.close();
    await bus.close();
  });

  const status = async (id: string): Promise<PublicStatus> =>
    (await readFlowStatus({ db, deployed }, id)) as unknown as PublicStatus;
  const jobOf = (value: object, args: object, fields: Partial<NewJob>): NewJob => ({
    ...newFlowJob(
      { flow: { value: JSON.stringify(value), path: "u/alice/flow" }, args: JSON.stringify(args), options: {} },
      runner,
      rules,
    ),
    ...fields,
  });
  const collect = async (id: string): Promise<FlowRun> => {
    const row = await db.one<{ status: string; result: string }>(
      sql`select status, result from job_done where id = ${id}`,
    );
    return { id, status: row.status, result: JSON.parse(row.result), flow: await status(id) };
  };
  const ended = async (id: string): Promise<FlowRun> => {
    const waiting = dispatcher.waitFor(id, { timeoutMs: 60_000 });
    const done = await db.maybe(sql`select from job_done where id = ${id}`);
    if (!done && !(await waiting)) throw new Error(`flow ${id} did not end: ${JSON.stringify(await status(id))}`);
    return collect(id);
  };
  const start = async (value: object, args: object = {}, fields: Partial<NewJob> = {}): Promise<string> => {
    const job = jobOf(value, args, fields);
    await dispatcher.push(job);
    return job.id;
  };
  return {
    db,
    bus,
    vault,
    url,
    dispatcher,
    driver,
    worker: () => worker,
    writes,
    otherDriver: () =>
      createFlowDriver({
        db,
        bus,
        dispatcher,
        log: silentLog,
        vault,
        deployed: createDeployedFlows({ db, bus }),
        evaluator,
      }),
    start,
    ended,
    status,
    async run(value, args = {}, fields = {}) {
      const job = jobOf(value, args, fields);
      const waiting = dispatcher.waitFor(job.id, { timeoutMs: 60_000 });
      await dispatcher.push(job);
      if (!(await waiting)) throw new Error(`flow did not end: ${JSON.stringify(await status(job.id))}`);
      return collect(job.id);
    },
    async deploy(path, value) {
      await db.execute(sql`with v as (insert into flow_version (workspace_id, path, value, created_by)
          values ('admins', ${path}, ${JSON.stringify(value)}, 'alice') returning id)
        insert into flow (workspace_id, path, value, edited_by, version)
        select 'admins', ${path}, ${JSON.stringify(value)}, 'alice', id from v`);
      bus.publish("changed", [`flow:admins:${path}`]);
    },
  };
}

/** A database that remembers what it was told to write. */
function counted(db: Database): { db: Database; writes(): string[] } {
  const written: string[] = [];
  const noteOf = (statement: Sql): void => {
    if (
      statement.name === undefined
        ? !/^\s*select/i.test(statement.text)
        : /flow_move|push|complete|cancel/.test(statement.name)
    ) {
      written.push(statement.name ?? statement.text.trim().slice(0, 60));
    }
  };
  return {
    writes: () => [...written],
    db: {
      query: (statement) => (noteOf(statement), db.query(statement)),
      one: (statement) => (noteOf(statement), db.one(statement)),
      maybe: (statement) => (noteOf(statement), db.maybe(statement)),
      execute: (statement) => (noteOf(statement), db.execute(statement)),
      transaction: (work, options) => (written.push("transaction"), db.transaction(work, options)),
      usage: () => db.usage(),
      close: () => db.close(),
    },
  };
}

/** A step of TypeScript. @param inputs expressions by argument */
export function code(id: string, content: string, inputs: Record<string, string> = {}): object {
  return {
    id,
    value: { type: "rawscript", language: "bun", content, lock: "", input_transforms: expressions(inputs) },
  };
}

export function expressions(inputs: Record<string, string>): object {
  return Object.fromEntries(Object.entries(inputs).map(([name, expr]) => [name, { type: "javascript", expr }]));
}
