import { cancelJobs } from "@towermill/queue";
import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld, type PublicStatus } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const one = "export function main() { return 1 }";
const slow = "export async function main() { await new Promise((r) => setTimeout(r, 30000)) }";
const gate = (more: object = {}): object => ({
  ...code("a", one),
  suspend: { required_events: 1, timeout: 600, ...more },
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The status as soon as the flow waits for somebody. */
function parked(id: string): Promise<PublicStatus> {
  return until(async () => {
    const status = await world.status(id);
    return status.modules.some(({ type }) => type === "WaitingForEvents") ? status : undefined;
  });
}

function resume(
  job: string,
  more: { resumeId?: number; approver?: string | null; approved?: boolean; payload?: string } = {},
): Promise<void> {
  return world.driver.resume({
    workspace: "admins",
    job,
    resumeId: 7,
    approver: "bob",
    approved: true,
    payload: null,
    ...more,
  });
}

test("a flow waits for an approval, whose payload the next step gets", async () => {
  const id = await world.start({
    modules: [
      gate(),
      code("b", "export function main(r: unknown, who: string[]) { return { r, who } }", {
        r: "resume",
        who: "approvers",
      }),
    ],
  });
  const status = await parked(id);
  const first = status.modules[0]?.job ?? "";
  expect(status.modules[1]).toMatchObject({ type: "WaitingForEvents", job: first, count: 1 });
  const row = await world.db.one<{ running: boolean; worker: string | null; suspend: number }>(
    sql`select running, worker, suspend from job_queue where id = ${id}`,
  );
  expect(row).toEqual({ running: true, worker: null, suspend: 1 });
  await resume(first, { payload: '{"ok":true}' });
  const ran = await world.ended(id);
  expect(ran).toMatchObject({ status: "success", result: { r: { ok: true }, who: ["bob"] } });
  expect(ran.flow.modules[0]?.["approvers"]).toEqual([{ resume_id: 7, approver: "bob" }]);
  await expect(resume(first)).rejects.toThrow(/already sent/);
  await expect(resume(first, { resumeId: 8 })).rejects.toThrow(/ended/);
});

test("a disapproval fails the flow, and so does the end of its patience", async () => {
  const refused = await world.start({ modules: [gate(), code("b", one)] });
  await resume((await parked(refused)).modules[0]?.job ?? "", { approved: false });
  expect(await world.ended(refused)).toMatchObject({
    status: "failure",
    result: { error: { name: "SuspendedDisapproved", message: "Disapproved by bob" } },
  });
  const late = await world.start({ modules: [gate({ timeout: 0 }), code("b", one)] });
  await parked(late);
  await world.driver.timeOut(late);
  expect(await world.ended(late)).toMatchObject({
    status: "failure",
    result: { error: { name: "SuspendedTimedOut" } },
  });
});

test("an approval of the flow as a whole counts for its next gate, also before it waits", async () => {
  const id = await world.start({
    modules: [
      {
        ...code("a", "export async function main() { await new Promise((r) => setTimeout(r, 300)); return 1 }"),
        suspend: { required_events: 1 },
      },
      code("b", one),
    ],
  });
  await until(async () => ((await world.status(id)).modules[0]?.type === "InProgress" ? true : undefined));
  await resume(id);
  expect((await world.ended(id)).status).toBe("success");
});

test("a gate behind the last step of a branch is not passed by", async () => {
  const id = await world.start({
    modules: [{ id: "br", value: { type: "branchone", branches: [], default: [gate()] } }, code("b", one)],
  });
  const body = await until(async () => (await world.status(id)).modules[0]?.job);
  const status = await parked(body);
  await resume(status.modules[0]?.job ?? "");
  expect((await world.ended(id)).status).toBe("success");
});

test("a cancelled flow ends with everything below it, and never succeeds", async () => {
  const id = await world.start({
    modules: [
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: { type: "javascript", expr: "[1,2,3]" },
          skip_failures: true,
          parallel: true,
          modules: [code("s", slow), code("t", one)],
        },
      },
      code("b", one),
    ],
  });
  await until(async () =>
    world.db.maybe(
      sql`select from job_queue q join job j using (id) where j.flow_step_id = 's' and q.running and j.root_job = ${id} limit 1`,
    ),
  );
  const canceled = await cancelJobs(world.db, { workspace: "admins", ids: [id], by: "bob", reason: "enough" });
  world.bus.publish("cancel", canceled.stopping);
  await world.dispatcher.announce(canceled.ended);
  const ran = await world.ended(id);
  expect(ran).toMatchObject({
    status: "canceled",
    result: { error: { name: "Canceled", canceler: "bob", reason: "enough" } },
  });
  expect(ran.flow.modules.map(({ type }) => type)).toEqual(["Failure", "WaitingForPriorSteps"]);
  await until(async () => ((await world.db.query(sql`select from job_queue`)).length === 0 ? true : undefined));
  const { n } = await world.db.one<{ n: number }>(
    sql`select count(*)::int as n from job j join job_done d using (id) where j.root_job = ${id} and d.status = 'success'`,
  );
  expect(n).toBe(0);
});

test("a cancelled step fails its flow, whose handler runs", async () => {
  const id = await world.start({
    modules: [{ ...code("a", slow), retry: { constant: { attempts: 3, seconds: 0 } } }],
    failure_module: code("failure", "export function main(e: string) { return e }", { e: "error.name" }),
  });
  const step = await until(async () =>
    world.db.maybe<{ id: string }>(
      sql`select q.id from job_queue q join job j using (id) where j.parent_job = ${id} and q.running`,
    ),
  );
  const { stopping } = await cancelJobs(world.db, { workspace: "admins", ids: [step.id], by: "bob", reason: "no" });
  world.bus.publish("cancel", stopping);
  expect(await world.ended(id)).toMatchObject({ status: "failure", result: "Canceled" });
});

test("early_return answers while the flow goes on", async () => {
  const job = await world.start({
    modules: [
      code("a", "export function main() { return 'early' }"),
      code("b", "export async function main() { await new Promise((r) => setTimeout(r, 600)); return 'late' }"),
    ],
    early_return: "a",
  });
  const early = await world.dispatcher.waitFor(job, { timeoutMs: 5000, early: true });
  expect(early).toMatchObject({ status: "success", result: '"early"' });
  expect(await world.ended(job)).toMatchObject({ status: "success", result: "late" });
});

test("a finished run is taken up again from a step, or from an iteration of a loop", async () => {
  const flow = {
    modules: [
      code("a", "export function main() { return Math.random() }"),
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: { type: "javascript", expr: "[1,2,3]" },
          skip_failures: false,
          modules: [code("i", "export function main() { return Math.random() }")],
        },
      },
      code("b", "export function main(a: number, l: number[]) { return { a, l } }", { a: "results.a", l: "results.l" }),
    ],
  };
  interface Result {
    a: number;
    l: number[];
  }
  const first = await world.run(flow);
  const before = first.result as Result;
  const again = await world.run(
    flow,
    {},
    { options: { restart: { job: first.id, path: [{ step_id: "l", branch_or_iteration_n: 2 }] } } },
  );
  const after = again.result as Result;
  expect(again.status).toBe("success");
  expect(after.a).toBe(before.a);
  expect(after.l.slice(0, 2)).toEqual(before.l.slice(0, 2));
  expect(after.l[2]).not.toBe(before.l[2]);
  expect(again.flow["restarted_from"]).toMatchObject({ flow_job_id: first.id, step_id: "l" });
  const wrong = await world.run(flow, {}, { options: { restart: { job: first.id, path: [{ step_id: "zz" }] } } });
  expect(wrong.status).toBe("failure");
  expect(JSON.stringify(wrong.result)).toContain("zz");
});

test("a run is taken up again inside a branch and inside a sub-flow", async () => {
  const random = (id: string): object => code(id, "export function main() { return Math.random() }");
  await world.deploy("u/alice/part", {
    modules: [random("x"), code("y", "export function main(x: number) { return [x] }", { x: "results.x" })],
  });
  const flow = {
    modules: [
      {
        id: "br",
        value: {
          type: "branchone",
          branches: [],
          default: [random("p"), code("q", "export function main(p: number) { return [p] }", { p: "results.p" })],
        },
      },
      { id: "f", value: { type: "flow", path: "u/alice/part", input_transforms: {} } },
      code("end", "export function main(a: unknown, b: unknown) { return [a, b] }", {
        a: "results.br",
        b: "results.f",
      }),
    ],
  };
  const first = await world.run(flow);
  expect(first.status).toBe("success");
  const inside = async (path: { step_id: string }[]): Promise<unknown> => {
    const ran = await world.run(flow, {}, { options: { restart: { job: first.id, path } } });
    expect(ran.status).toBe("success");
    return ran.result;
  };
  const [branch, sub] = first.result as [number[], number[]];
  const again = (await inside([{ step_id: "br" }, { step_id: "q" }])) as [number[], number[]];
  expect(again[0]).toEqual(branch);
  expect(again[1]).not.toEqual(sub);
  expect(await inside([{ step_id: "f" }, { step_id: "y" }])).toEqual([branch, sub]);
});

// again and again: what is cancelled may be waiting, just beginning or ending
test.each([1, 2, 3, 4, 5])("many runs side by side end right while some are cancelled (%i)", async () => {
  const loop = {
    id: "l",
    value: {
      type: "forloopflow",
      iterator: { type: "javascript", expr: "[1,2,3]" },
      skip_failures: false,
      parallel: true,
      modules: [code("s", one), code("t", one)],
    },
  };
  const ids = await Promise.all(Array.from({ length: 10 }, () => world.start({ modules: [loop, code("b", one)] })));
  const canceled = ids.filter((_, index) => index % 3 === 0);
  for (const id of canceled) {
    const { ended, stopping } = await cancelJobs(world.db, {
      workspace: "admins",
      ids: [id],
      by: "bob",
      reason: "some",
    });
    world.bus.publish("cancel", stopping);
    await world.dispatcher.announce(ended);
  }
  for (const id of ids) {
    const { status, flow } = await world.ended(id);
    expect(canceled.includes(id) ? ["canceled", "success"] : ["success"]).toContain(status);
    if (status === "canceled") expect(flow.modules.every(({ type }) => type !== "InProgress")).toBe(true);
  }
  await until(async () => ((await world.db.query(sql`select from job_queue`)).length === 0 ? true : undefined));
});
