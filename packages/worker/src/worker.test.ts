import { randomBytes } from "node:crypto";
import type { Member } from "@towermill/contract";
import { cancelJobs, createDispatcher, newJobId, readCachedResult, readLog, type NewJob } from "@towermill/queue";
import { createEvaluator } from "@towermill/expression";
import { createDeployedFlows, createFlowDriver } from "@towermill/flow-driver";
import { createExecutor, standardRuntimes } from "@towermill/runtimes";
import { openBus, silentLog, sql } from "@towermill/store";
import { testDatabase, testFolder } from "@towermill/testkit";
import { openVault } from "@towermill/vault";
import { afterAll, expect, test } from "vitest";
import { createCode } from "./code.ts";
import { startWorker, type RunningWorker } from "./worker.ts";

const { db, url } = await testDatabase();
const folder = testFolder();
const bus = await openBus({ url });
const dispatcher = createDispatcher({ db, bus });
const vault = openVault({ db, bus, instanceKey: randomBytes(32) });
const evaluator = createEvaluator({ threads: 1 });
const deployed = createDeployedFlows({ db, bus });
const flows = createFlowDriver({ db, bus, dispatcher, log: silentLog, vault, deployed, evaluator });
const cacheFolder = `${folder}/cache`;
const executor = await createExecutor({
  folder: `${folder}/worker`,
  cacheFolder,
  slots: 2,
  isolation: "auto",
  runtimes: (runTool) => standardRuntimes({ cacheFolder, runTool }),
});
let worker: RunningWorker = await start();

function start(): Promise<RunningWorker> {
  return startWorker({
    db,
    bus,
    log: silentLog,
    dispatcher,
    flows,
    databaseUrl: url,
    vault,
    executor,
    code: createCode({ db, bus }),
    environment: { baseUrl: "http://towermill.example", internalUrl: "http://127.0.0.1:1", workerGroup: "default" },
    groupEnvironment: { GROUP_SETTING: "from the group" },
    maximumTimeoutSeconds: 60,
    memoryLimitMb: 512,
    alwaysFresh: false,
    group: "default",
    tags: ["bun", "bash", "python3", "postgresql", "dependency"],
    slots: 2,
    version: "test",
    pollMs: 200,
  });
}

afterAll(async () => {
  await worker.stop(1000);
  await executor.stop();
  await evaluator.close();
  await bus.close();
});

const alice: Member = {
  workspace: "admins",
  email: "alice@example.com",
  username: "alice",
  isAdmin: false,
  isOperator: false,
  groups: ["all"],
  foldersRead: [],
  foldersWrite: [],
  foldersOwned: [],
};

function jobOf(fields: Partial<NewJob>): NewJob {
  return {
    id: newJobId(),
    workspace: "admins",
    kind: "preview",
    createdBy: "alice",
    permissionedAs: "u/alice",
    member: alice,
    tag: fields.language ?? "bun",
    args: "{}",
    language: "bun",
    ...fields,
  };
}

async function run(fields: Partial<NewJob>): Promise<{ id: string; status: string; result: unknown; log: string }> {
  const job = jobOf(fields);
  const waiting = dispatcher.waitFor(job.id, { timeoutMs: 25_000 });
  await dispatcher.push(job);
  const outcome = await waiting;
  if (!outcome) throw new Error("the job did not end");
  return { id: job.id, status: outcome.status, result: JSON.parse(outcome.result), log: await readLog(db, job.id) };
}

/** Waits for a condition on the database; the test's own time limit ends it. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("runs TypeScript, Python and Bash with their arguments, environment and log", async () => {
  const typescript = await run({
    rawCode: `export async function main(name: string) { console.log("hi " + name); return { name, ws: process.env.WM_WORKSPACE, group: process.env.GROUP_SETTING }; }`,
    args: '{"name":"Ada"}',
  });
  expect(typescript).toMatchObject({
    status: "success",
    result: { name: "Ada", ws: "admins", group: "from the group" },
    log: "hi Ada\n",
  });
  const python = await run({
    language: "python3",
    rawCode: 'def main(x: int):\n    print("py")\n    return x + 1\n',
    args: '{"x":41}',
  });
  expect(python).toMatchObject({ status: "success", result: 42, log: "py\n" });
  const bash = await run({ language: "bash", rawCode: 'who="$1"\necho "hello $who"\n', args: '{"who":"Bob"}' });
  expect(bash).toMatchObject({ status: "success", result: "hello Bob" });
});

test("an error of the code is the job's result, with name, message and stack", async () => {
  const failed = await run({ rawCode: `export function main() { throw new RangeError("too far"); }` });
  expect(failed).toMatchObject({ status: "failure", result: { error: { name: "RangeError", message: "too far" } } });
});

test("variables and resources given as references arrive as values, and secrets are hidden in the log", async () => {
  const secret = await vault.encrypt("admins", "s3cr3t-value");
  await db.execute(
    sql`insert into variable (workspace_id, path, value, is_secret) values ('admins', 'u/alice/password', ${secret}, true)`,
  );
  await db.execute(sql`insert into resource (workspace_id, path, value, resource_type)
    values ('admins', 'u/alice/db', '{"host":"h","password":"$var:u/alice/password"}', 'postgresql')`);
  const ran = await run({
    rawCode: `export function main(db: object) { console.log(JSON.stringify(db)); return db; }`,
    args: '{"db":"$res:u/alice/db"}',
  });
  expect(ran.result).toEqual({ host: "h", password: "s3cr3t-value" });
  expect(ran.log).not.toContain("s3cr3t-value");
  expect(ran.log).toContain("••••••");
  const missing = await run({ rawCode: `export function main(x: string) {}`, args: '{"x":"$var:u/bob/private"}' });
  expect(missing.status).toBe("failure");
  expect(JSON.stringify(missing.result)).toContain("Variable u/bob/private not found for `x`");
});

test("a SQL script runs on the database it pins, under the rights of its job", async () => {
  await db.execute(sql`insert into resource (workspace_id, path, value, resource_type)
    values ('admins', 'u/alice/socket', '{"host":"/tmp","dbname":"d"}', 'postgresql')`);
  const rawCode = "-- database u/alice/socket\nselect 1";
  const pinned = await run({ language: "postgresql", tag: "postgresql", rawCode, args: '{"database":{"host":"h"}}' });
  expect(pinned).toMatchObject({ status: "failure" });
  expect(JSON.stringify(pinned.result)).toContain("paths of sockets are not allowed");
  const foreign = await run({
    language: "postgresql",
    tag: "postgresql",
    rawCode: "-- database u/bob/db\nselect 1",
    args: "{}",
  });
  expect(JSON.stringify(foreign.result)).toContain("Resource u/bob/db not found for `database`");
});

test("environment variables of the workspace reach its jobs at once, as references too, and hide nothing of the platform's", async () => {
  const set = async (variables: Record<string, string>): Promise<void> => {
    await db.execute(
      sql`update workspace set settings = ${sql.json({ environment_variables: variables })} where id = 'admins'`,
    );
    bus.publish("changed", ["workspace:admins"]);
  };
  const rawCode = `const early = process.env.REGION;
    export function main(r: string) { const { REGION, WM_WORKSPACE, PATH } = process.env; return [early, REGION, r, WM_WORKSPACE, PATH === "mine"]; }`;
  for (const region of ["eu", "us"]) {
    await set({ REGION: region, WM_WORKSPACE: "other", PATH: "mine" });
    expect((await run({ rawCode, args: '{"r":"$REGION"}' })).result).toEqual([region, region, region, "admins", false]);
  }
  await set({});
  expect((await run({ rawCode, args: '{"r":"$REGION"}' })).result).toEqual([null, null, "$REGION", "admins", false]);
});

test("labels and failures that a result names are applied to the job", async () => {
  const labelled = await run({ rawCode: `export function main() { return { wm_labels: ["blue", "1"], value: 1 }; }` });
  const { labels } = await db.one<{ labels: string[] }>(sql`select labels from job_done where id = ${labelled.id}`);
  expect(labels).toEqual(["blue", "1"]);
  const failed = await run({ rawCode: `export function main() { return { wm_failure: "not good enough" }; }` });
  expect(failed).toMatchObject({ status: "failure", result: { error: { message: "not good enough" } } });
});

test("a heartbeat tells how much of the worker was in use", async () => {
  const told = await until(async () => {
    const row = await db.maybe<{ now: number }>(sql`
      select (occupancy ->> 'now')::float8 as now from worker where occupancy ? 'now' and jobs_executed > 0`);
    return row?.now;
  });
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThanOrEqual(1);
});

test("a running job that is cancelled ends within two seconds with its canceler and reason", async () => {
  const job = jobOf({ language: "bash", tag: "bash", rawCode: "sleep 60\n" });
  const ended = dispatcher.waitFor(job.id, { timeoutMs: 20_000 });
  await dispatcher.push(job);
  await until(async () => (await db.maybe(sql`select from job_queue where id = ${job.id} and running`)) && true);
  const from = performance.now();
  const { stopping } = await cancelJobs(db, { workspace: "admins", ids: [job.id], by: "bob", reason: "enough" });
  bus.publish("cancel", stopping);
  expect((await ended)?.status).toBe("canceled");
  expect(performance.now() - from).toBeLessThan(2000);
});

test("a job over its time ends as a failure that says so, and the next job runs", async () => {
  const late = await run({ language: "bash", rawCode: "sleep 30\n", timeoutSeconds: 1 });
  expect(late.status).toBe("failure");
  expect(JSON.stringify(late.result)).toMatch(/time/i);
  expect((await run({ language: "bash", rawCode: "echo ok\n" })).result).toBe("ok");
});

test("the lock of a deployed version is written with the end of its dependency job", async () => {
  await db.execute(sql`insert into script (workspace_id, hash, path, content, language, created_by)
    values ('admins', 'aaaa', 'u/alice/locked', 'export function main() { return 7 }', 'bun', 'alice')`);
  const lock = await run({ kind: "dependencies", tag: "dependency", path: "u/alice/locked", hash: "aaaa", args: null });
  expect(lock.status).toBe("success");
  const { lock: stored } = await db.one<{ lock: string | null }>(sql`select lock from script where hash = 'aaaa'`);
  expect(stored).toBe((lock.result as { lock: string }).lock);
  expect((await run({ kind: "script", path: "u/alice/locked", hash: "aaaa" })).result).toBe(7);
});

test("a success is kept where its script asked for it", async () => {
  const cacheKey = randomBytes(32).toString("hex");
  await run({ rawCode: `export function main() { return { n: 1 }; }`, cacheTtlSeconds: 60, options: { cacheKey } });
  expect(await readCachedResult(db, Buffer.from(cacheKey, "hex"))).toBe('{"n":1}');
});

test("a perpetual script is pushed again when it ends, until it is cancelled", async () => {
  await db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, created_by)
    values ('admins', 'bbbb', 'u/alice/forever', 'export function main() { return 1 }', 'bun', '', 'alice')`);
  await run({ kind: "script", path: "u/alice/forever", hash: "bbbb", options: { perpetual: true } });
  const next = await db.one<{ id: string; later: boolean }>(sql`
    select q.id, q.scheduled_for > now() + interval '5 seconds' as later from job_queue q join job j using (id)
    where j.script_path = 'u/alice/forever'`);
  expect(next.later).toBe(true);
  await cancelJobs(db, { workspace: "admins", ids: [next.id], by: "alice", reason: "stop" });
  expect(await db.query(sql`select from job_queue`)).toEqual([]);
});

test("a stopping worker gives back what it cannot finish, and another worker finishes it", async () => {
  const job = jobOf({
    language: "bash",
    tag: "bash",
    rawCode: 'if [ -n "$WM_JOB_ID" ]; then sleep 3; echo done; fi\n',
  });
  const ended = dispatcher.waitFor(job.id, { timeoutMs: 25_000 });
  await dispatcher.push(job);
  await until(async () => (await db.maybe(sql`select from job_queue where id = ${job.id} and running`)) && true);
  await worker.stop(0);
  const row = await db.one<{ running: boolean; restarts: number; attempt: number }>(
    sql`select running, restarts, attempt from job_queue where id = ${job.id}`,
  );
  expect(row).toEqual({ running: false, restarts: 0, attempt: 1 });
  expect(await db.query(sql`select from worker`)).toEqual([]);
  worker = await start();
  expect(await ended).toMatchObject({ status: "success", result: '"done"' });
});
