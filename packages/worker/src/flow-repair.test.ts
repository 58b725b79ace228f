import { flowRepair, flowTimes, type DutyContext } from "@towermill/duties";
import { cancelJobs } from "@towermill/queue";
import { silentLog, sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const { db, bus, dispatcher } = world;
const context = {
  db,
  bus,
  dispatcher,
  log: silentLog,
  flowDriver: world.otherDriver(),
  now: () => new Date(),
  retentionDays: 30,
} as unknown as DutyContext;
const slow = "export async function main() { await new Promise((r) => setTimeout(r, 30000)) }";

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function runningStep(flow: string): Promise<string> {
  const row = await until(() =>
    db.maybe<{ id: string }>(
      sql`select q.id from job_queue q join job j using (id) where j.parent_job = ${flow} and q.running`,
    ),
  );
  return row.id;
}

test("a gate opens when its time is over, whoever notices", async () => {
  const first = { ...code("a", "export function main() { return 1 }"), suspend: { required_events: 1, timeout: 1 } };
  const id = await world.start({ modules: [first, code("b", slow)] });
  await until(async () => {
    await flowTimes.run(context);
    return db.maybe(sql`select from job_done where id = ${id}`);
  });
  expect(await world.ended(id)).toMatchObject({ status: "failure", result: { error: { name: "SuspendedTimedOut" } } });
});

test("a flow that runs longer than it may is ended with its steps", async () => {
  const id = await world.start({ modules: [code("a", slow)] }, {}, { timeoutSeconds: 1 });
  await until(async () => {
    await flowTimes.run(context);
    return db.maybe(sql`select from job_done where id = ${id}`);
  });
  const ran = await world.ended(id);
  expect(ran.status).toBe("canceled");
  expect(JSON.stringify(ran.result)).toContain("longer than its timeout of 1 s");
  await until(async () => ((await db.query(sql`select from job_queue`)).length === 0 ? true : undefined));
});

test("a flow that was never told of the end of its step hears of it, one among many too", async () => {
  const handler = code("failure", "export function main(e: string) { return e }", { e: "error.name" });
  const id = await world.start({ modules: [code("a", slow)], failure_module: handler });
  const step = await runningStep(id);
  await cancelJobs(db, { workspace: "admins", ids: [step], by: "bob", reason: "lost", force: true });
  bus.publish("cancel", [step]);
  await flowRepair.run(context);
  expect(await world.ended(id)).toMatchObject({ status: "failure", result: "Canceled" });

  const body = {
    id: "l",
    value: {
      type: "forloopflow",
      iterator: { type: "javascript", expr: "[1,2]" },
      skip_failures: true,
      parallel: true,
      modules: [code("s", slow)],
    },
  };
  const loop = await world.start({ modules: [body] });
  const steps = await until(async () => {
    const rows = await db.query<{ id: string }>(
      sql`select q.id from job_queue q join job j using (id) where j.parent_job = ${loop} and q.running`,
    );
    return rows.length === 2 ? rows.map((row) => row.id) : undefined;
  });
  await cancelJobs(db, { workspace: "admins", ids: steps, by: "bob", reason: "lost", force: true });
  bus.publish("cancel", steps);
  await flowRepair.run(context);
  expect((await world.ended(loop)).flow.modules[0]).toMatchObject({ flow_jobs_success: [false, false] });
});

test("nothing is repaired where nothing is wrong", async () => {
  const id = await world.start({ modules: [code("a", slow)] });
  const step = await runningStep(id);
  expect(await world.otherDriver().reconcile()).toBe(0);
  await cancelJobs(db, { workspace: "admins", ids: [id], by: "bob", reason: "done" });
  bus.publish("cancel", [step]);
  expect((await world.ended(id)).status).toBe("canceled");
});
