import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { addSchedule, addScript, schedulesWorld } from "../../test/schedules-world.ts";

const world = await schedulesWorld();
const { db, fire, settle, claim, end, ticks, row, jobs, dueAgain } = world;
const error = (message: string): string => JSON.stringify({ error: { name: "Error", message } });
const path = "u/alice/s";
const states = async (): Promise<string[]> => (await ticks(path)).map((tick) => tick.state);

for (const name of ["f", "r", "s", "ask"]) await addScript(db, `u/alice/${name}`);
afterEach(() => world.clear());

/** Runs what is queued and settles it. */
async function runAll(
  status: "success" | "failure" | "canceled" = "success",
  result = status === "success" ? "1" : error("no"),
) {
  const claimed = await claim();
  for (const job of claimed) await end(job, { status, result });
  await settle();
  return claimed;
}

describe("a failed run", () => {
  test("is tried again after its pause, and only its last failure counts", async () => {
    await addSchedule(db, {
      path,
      args: '{"a":1}',
      options: { on_failure: "script/u/alice/f", retry: { constant: { attempts: 2, seconds: 0 } } },
    });
    await fire();
    for (const failures of [1, 2]) {
      await runAll("failure");
      expect((await ticks(path)).map((tick) => [tick.state, tick.failures])).toEqual([["open", failures]]);
    }
    await db.execute(sql`update schedule set options = (options::jsonb || '{"args":1}')::json, args = '{"a":2}'`);
    await runAll("failure");
    expect(await states()).toEqual(["failure"]);
    const found = await jobs();
    expect(found.map((job) => job["script_path"])).toEqual([
      "u/alice/work",
      "u/alice/work",
      "u/alice/work",
      "u/alice/f",
    ]);
    expect(found.slice(0, 3).map((job) => job["args"])).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
  });

  test("that succeeds at a later attempt is a success, and waits as long as told", async () => {
    await addSchedule(db, {
      path,
      options: { on_success: "script/u/alice/s", retry: { constant: { attempts: 1, seconds: 600 } } },
    });
    await fire();
    await runAll("failure");
    const again = (await jobs())[1];
    expect(Number(again?.["scheduled_for"])).toBeGreaterThan(Date.now() + 590_000);
    await dueAgain(path);
    await fire();
    expect(await states()).toEqual(["open", "skipped"]);
    await db.execute(sql`update job_queue set scheduled_for = now()`);
    await runAll();
    expect(await states()).toEqual(["success", "skipped"]);
    expect((await jobs()).map((job) => job["script_path"])).toContain("u/alice/s");
  });

  test.each([
    ["says yes", async () => true, "open"],
    ["says no", async () => false, "failure"],
    ["cannot be evaluated", async () => Promise.reject(new Error("no")), "failure"],
  ])("is tried again as its expression decides: %s", async (_, retryIf, expected) => {
    const asked: unknown[] = [];
    world.ctx.retryIf = (expression, scope) => {
      asked.push([expression, scope]);
      return retryIf();
    };
    const retry = { constant: { attempts: 2, seconds: 0 }, retry_if: { expr: "error.name == 'Error'" } };
    await addSchedule(db, { path, options: { retry, on_failure: "script/u/alice/f" } });
    await fire();
    await runAll("failure");
    world.ctx.retryIf = undefined;
    const scope = { workspace: "w", result: error("no"), error: '{"name":"Error","message":"no"}' };
    expect(asked).toEqual([["error.name == 'Error'", scope]]);
    expect(await states()).toEqual([expected]);
    expect((await jobs()).at(-1)).toMatchObject({ script_path: expected === "open" ? "u/alice/work" : "u/alice/f" });
  });

  test("that was cancelled or deleted is not tried again and calls nobody", async () => {
    await addSchedule(db, {
      path,
      ago: 1,
      options: { on_failure: "script/u/alice/f", retry: { constant: { attempts: 2, seconds: 0 } } },
    });
    await fire();
    await runAll("canceled");
    await dueAgain(path);
    await fire();
    await db.execute(sql`delete from job_queue`);
    await settle();
    expect((await ticks(path)).map((tick) => [tick.state, tick.note])).toEqual([
      ["canceled", null],
      ["canceled", "its job was deleted"],
    ]);
    expect(await jobs()).toHaveLength(2);
  });
});

describe("handlers", () => {
  test("are told what happened, as the group error_handler", async () => {
    const options = {
      on_failure: "script/u/alice/f",
      on_failure_times: 2,
      on_failure_extra_args: { channel: "ops", failed_times: "mine" },
      on_recovery: "script/u/alice/r",
    };
    await addSchedule(db, { path, ago: 9, options });
    for (const [status, ago] of [
      ["failure", 6],
      ["failure", 3],
      ["success", 0],
    ] as const) {
      await fire();
      await runAll(status);
      for (const job of await claim()) await end(job);
      await dueAgain(path, ago);
    }
    await settle();
    const [failure, recovery, ...more] = (await jobs()).filter((job) => job["script_path"] !== "u/alice/work");
    expect(more).toEqual([]);
    expect(failure).toMatchObject({
      script_path: "u/alice/f",
      created_by: "schedule_error_handler",
      permissioned_as: "g/error_handler",
      email: "schedule_error_handler@windmill.dev",
      trigger_kind: null,
    });
    const second = (await ticks(path))[1];
    expect(failure?.["parent_job"]).toBe(second?.job_id);
    expect(JSON.parse(String(failure?.["args"]))).toEqual({
      workspace_id: "w",
      job_id: second?.job_id,
      path: "u/alice/work",
      is_flow: false,
      schedule_path: path,
      email: "alice@example.com",
      error: { name: "Error", message: "no" },
      started_at: expect.any(String),
      failed_times: "mine",
      channel: "ops",
    });
    expect(JSON.parse(String(recovery?.["args"]))).toMatchObject({
      schedule_path: path,
      error: { name: "Error", message: "no" },
      error_started_at: expect.any(String),
      success_result: 1,
      success_times: 1,
      success_started_at: expect.any(String),
    });
  });

  test("that fail call no other, and ones that are missing are told on the schedule, which goes on", async () => {
    await addSchedule(db, {
      path,
      ago: 1,
      options: { on_failure: "script/u/alice/f", on_success: "flow/u/alice/none" },
    });
    await fire();
    await runAll("failure");
    await runAll("failure");
    expect(await jobs()).toHaveLength(2);
    await dueAgain(path);
    await fire();
    await runAll();
    expect(await row(path)).toMatchObject({ enabled: true, error: "on_success: Flow not found at name u/alice/none" });
    expect(await states()).toEqual(["failure", "success"]);
  });
});

describe("a skip script", () => {
  const ask = async (answer: {
    status: "success" | "failure" | "canceled";
    result: string;
  }): Promise<Record<string, unknown>[]> => {
    await addSchedule(db, { path, options: { dynamic_skip: "u/alice/ask", on_failure: "script/u/alice/f" } });
    await fire();
    const [job] = await claim();
    expect(JSON.parse(job?.args ?? "")).toEqual({ scheduled_for: (await ticks(path))[0]?.due.toISOString() });
    if (job) await end(job, answer);
    await settle();
    return jobs();
  };

  test("that answers true leaves the moment out, and the run is listed as skipped", async () => {
    const [, run] = await ask({ status: "success", result: "true" });
    expect(run).toMatchObject({ script_path: "u/alice/work", status: "skipped", trigger_path: path });
    expect(await ticks(path)).toMatchObject([{ state: "skipped", note: "dynamic_skip", job_id: run?.["id"] }]);
  });

  test("that answers anything else lets it run", async () => {
    for (const result of ["false", "null", '"true"']) {
      const found = await ask({ status: "success", result });
      expect(found.at(-1)).toMatchObject({ script_path: "u/alice/work", status: null });
      await runAll();
      expect(await states()).toEqual(["success"]);
      await world.clear();
    }
  });

  test("that fails makes the run a failure, with its handler", async () => {
    const found = await ask({ status: "failure", result: error("no calendar") });
    expect(found.map((job) => [job["script_path"], job["status"]])).toEqual([
      ["u/alice/ask", "failure"],
      ["u/alice/work", "failure"],
      ["u/alice/f", null],
    ]);
    expect(String(found[1]?.["result"])).toContain("no calendar");
    expect(await states()).toEqual(["failure"]);
  });
});
