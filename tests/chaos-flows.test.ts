import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Member } from "@towermill/contract";
import { createEvaluator } from "@towermill/expression";
import { createDeployedFlows, createFlowDriver, newFlowJob, readFlowStatus } from "@towermill/flow-driver";
import { createDispatcher, type Dispatcher, type NewJob } from "@towermill/queue";
import { openBus, openPool, retrying, silentLog, sql, startEmbedded, type Database } from "@towermill/store";
import { startProcess, testFolder, whenDone, type TestProcess } from "@towermill/testkit";
import { openVault } from "@towermill/vault";
import { expect, test } from "vitest";
import { adminPassword } from "./support/instance.ts";

const program = fileURLToPath(new URL("../packages/towermill/dist/main.js", import.meta.url));
/** The short form; `npm run chaos` does 20 kills. */
const kills = Number(process.env["CHAOS_KILLS"] ?? 4);
const flows = Number(process.env["CHAOS_FLOWS"] ?? 12);
const instanceKey = randomBytes(32);

/** Seeded, so that a failing run can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Fleet {
  kill(kind: "server" | "worker"): Promise<void>;
}

/** One server and two workers as real processes; whichever is killed is started again. */
async function startFleet(databaseUrl: string, port: number): Promise<Fleet> {
  const folder = testFolder();
  const env = {
    DATABASE_URL: databaseUrl,
    TOWERMILL_ADMIN_PASSWORD: adminPassword,
    TOWERMILL_INSTANCE_KEY: instanceKey.toString("hex"),
    PORT: String(port),
    NUM_WORKERS: "4",
    LOG_LEVEL: "error",
  };
  const start = async (kind: "server" | "worker", name: string): Promise<TestProcess> => {
    for (;;) {
      const started = await startProcess({
        command: [process.execPath, program, kind],
        env: { ...env, TOWERMILL_DATA: `${folder}/${name}`, BASE_INTERNAL_URL: `http://127.0.0.1:${port}` },
      });
      const ready = await started.until(/is ready/, 60_000).catch((error: unknown) => error);
      if (!(ready instanceof Error)) return started;
      console.log(`${kind} ${name} did not start: ${started.output().trim()}`);
      await started.ended;
    }
  };
  const processes = {
    server: [await start("server", "server")],
    worker: await Promise.all(["one", "two"].map((name) => start("worker", name))),
  };
  let turn = 0;
  return {
    async kill(kind) {
      const list = processes[kind];
      const index = kind === "server" ? 0 : (turn += 1) % list.length;
      list[index]?.signal("SIGKILL");
      await list[index]?.ended;
      list[index] = await start(kind, kind === "server" ? "server" : (["one", "two"][index] ?? ""));
    },
  };
}

const admin: Member = {
  workspace: "admins",
  email: "admin@windmill.dev",
  username: "admin",
  isAdmin: true,
  isOperator: false,
  groups: ["all"],
  foldersRead: [],
  foldersWrite: [],
  foldersOwned: [],
};

const js = (expr: string): object => ({ type: "javascript", expr });

function code(id: string, content: string, inputs: Record<string, string> = {}): object {
  const input_transforms = Object.fromEntries(Object.entries(inputs).map(([name, expr]) => [name, js(expr)]));
  return { id, value: { type: "rawscript", language: "bun", content, lock: "", input_transforms } };
}

const double = "export async function main(n: number) { await new Promise((r) => setTimeout(r, 30)); return n * 2 }";
const loop = (id: string, parallel: boolean, modules: object[]): object => ({
  id,
  value: { type: "forloopflow", iterator: js("[1, 2, 3]"), skip_failures: false, parallel, modules },
});

/** Loops, a sleep, a retry that never succeeds, an approval: what a crash can come between. */
const value = {
  modules: [
    code("a", double, { n: "flow_input.n" }),
    loop("l", false, [
      code("x", double, { n: "flow_input.iter.value + results.a" }),
      code("y", double, { n: "previous_result" }),
    ]),
    { ...loop("p", true, [code("z", double, { n: "flow_input.iter.value" })]), sleep: { type: "static", value: 1 } },
    {
      ...code("r", `export function main() { throw new Error("never") }`),
      retry: { constant: { attempts: 2, seconds: 1 } },
      continue_on_error: true,
    },
    { ...code("g", "export function main() { return 1 }"), suspend: { required_events: 1, timeout: 900 } },
    code("end", "export function main(l: number[], p: number[], ok: boolean) { return { l, p, ok } }", {
      l: "results.l",
      p: "results.p",
      ok: "resume.ok",
    }),
  ],
};

/** Children per flow: a, l's 3 bodies, p's 3, three tries of r, g, end; and 2 in each of the bodies. */
const childrenOfRoot = 1 + 3 + 3 + 3 + 1 + 1;
const childrenInBodies = 6;

const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Approves whatever waits until nothing is queued any more; a database that was killed is asked again. */
async function approveAll(db: Database, approve: (job: string) => Promise<void>): Promise<void> {
  for (;;) {
    const waiting = await db
      .query<{ job: string }>(
        sql`select c.job from job_queue q join flow_child c on c.flow_job = q.id and c.step = 'g' where q.suspend_until is not null`,
      )
      .catch(() => []);
    for (const { job } of waiting) await approve(job).catch(() => undefined);
    const left = await db.one<{ n: number }>(sql`select count(*)::int as n from job_queue`).catch(() => ({ n: -1 }));
    if (left.n === 0) return;
    await settle(200);
  }
}

/** A database that was killed is back soon. */
function patiently<T>(work: () => Promise<T>): Promise<T> {
  return retrying(work, { retry: "idempotent", withinMs: 30_000 });
}

/** A push whose answer was lost is found again by its id. */
async function pushOnce(db: Database, dispatcher: Dispatcher, job: NewJob): Promise<void> {
  if ((await db.maybe(sql`select from job where id = ${job.id}`)) === undefined) await dispatcher.push(job);
}

test(
  `${flows} flows end right while workers, server and PostgreSQL are killed ${kills} times`,
  { timeout: 900_000 },
  async () => {
    const seed = Number(process.env["CHAOS_SEED"] ?? Date.now() % 1_000_000);
    console.log(`chaos seed ${seed}`);
    const next = random(seed);
    const postgres = await startEmbedded({ dataFolder: `${testFolder()}/postgres` });
    whenDone(() => postgres.stop());
    const fleet = await startFleet(postgres.url, 20_000 + Math.floor(next() * 20_000));
    const db = openPool({ url: postgres.url, max: 4 });
    whenDone(() => db.close());
    const bus = await openBus({ url: postgres.url });
    whenDone(() => bus.close());
    const dispatcher = createDispatcher({ db, bus });
    const deployed = createDeployedFlows({ db, bus });
    const evaluator = createEvaluator({ threads: 1 });
    whenDone(() => evaluator.close());
    const vault = openVault({ db, bus, instanceKey });
    const driver = createFlowDriver({ db, bus, dispatcher, log: silentLog, vault, deployed, evaluator });

    const runner = { requester: { scopes: null, triggerKind: null, tags: "unserved" as const }, member: admin };
    const rules = { custom: [], perWorkspace: false, served: new Set<string>() };
    const ids: string[] = [];
    const push = async (): Promise<void> => {
      const flow = { value: JSON.stringify(value), path: "u/admin/chaos" };
      const job = newFlowJob({ flow, args: JSON.stringify({ n: ids.length }), options: {} }, runner, rules);
      ids.push(job.id);
      await patiently(() => pushOnce(db, dispatcher, job));
    };
    const approve = (job: string): Promise<void> =>
      driver.resume({ workspace: "admins", job, resumeId: 1, approver: null, approved: true, payload: '{"ok":true}' });
    await push();
    const approving = approveAll(db, approve);
    for (let kill = 0; kill < kills; kill += 1) {
      while (ids.length < (flows * (kill + 1)) / kills) await push();
      await settle(300 + next() * 1500);
      const what = (["worker", "server", "worker", "postgres"] as const)[kill % 4] ?? "worker";
      if (what === "postgres") process.kill(postgres.pid, "SIGKILL");
      else await fleet.kill(what);
    }
    await approving;
    await approveAll(db, approve);

    for (const [n, id] of ids.entries()) {
      const done = await patiently(() =>
        db.one<{ status: string; result: string }>(sql`select status, result from job_done where id = ${id}`),
      );
      const l = [1, 2, 3].map((item) => (item + n * 2) * 4);
      expect({ id, status: done.status, result: JSON.parse(done.result) as unknown }).toEqual({
        id,
        status: "success",
        result: { l, p: [2, 4, 6], ok: true },
      });
      const status = (await readFlowStatus({ db, deployed }, id)) as { modules: { failed_retries?: string[] }[] };
      expect(status.modules[3]?.failed_retries).toHaveLength(2);
    }
    const { jobs, children } = await db.one<{ jobs: number; children: number }>(sql`
    select (select count(*)::int from job where root_job = any(${ids}::uuid[])) as jobs,
      (select count(*)::int from flow_child c join job j on j.id = c.flow_job
        where j.id = any(${ids}::uuid[]) or j.root_job = any(${ids}::uuid[])) as children`);
    expect({ jobs, children }).toEqual({
      jobs: flows * (childrenOfRoot + childrenInBodies),
      children: flows * (childrenOfRoot + childrenInBodies),
    });
  },
);
