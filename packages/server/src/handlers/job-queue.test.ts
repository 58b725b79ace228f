import { newJobId } from "@towermill/queue";
import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, bus, said, json, run, work, addScript } = world;

await addScript({ path: "u/alice/a", hash: "a1" });
await addScript({ path: "f/shared/b", hash: "b1" });
await addScript({ path: "u/alice/limited", hash: "l1", options: { concurrent_limit: 1 } });

afterEach(() => world.clear());

async function startRunning(path = "u/alice/a"): Promise<string> {
  const started = new Promise<string>((resolve) => {
    void work((job) => {
      resolve(job.id);
      return null;
    });
  });
  await run(path);
  const id = await started;
  await work(null);
  return id;
}

describe("cancelling", () => {
  test("a waiting job ends at once, with who and why, for everybody who waits for it", async () => {
    const answer = said("jobs/run_wait_result/p/f/shared/b", { body: {} });
    let waiting: { id: string }[] = [];
    while (waiting.length === 0) waiting = await db.query<{ id: string }>(sql`select id from job_queue`);
    const id = waiting[0]?.id ?? "";
    expect(await said(`jobs_u/queue/cancel/${id}`, { as: "bob", body: { reason: "enough" } })).toEqual([200, id]);
    expect(await answer).toEqual([422, expect.stringContaining("Job canceled: enough by bob")]);
    expect(await json(`jobs_u/get/${id}`)).toMatchObject({
      type: "CompletedJob",
      canceled: true,
      canceled_by: "bob",
      canceled_reason: "enough",
      success: false,
      status: "canceled",
      result: {
        error: { name: "Canceled", reason: "enough", canceler: "bob", message: "Job canceled: enough by bob" },
      },
    });
    expect(await said(`jobs_u/queue/cancel/${id}`, { body: {} })).toEqual([400, `Job ${id} has already ended`]);
  });

  test("a running job is left to its worker, who is told; by force it ends at once", async () => {
    const told: string[] = [];
    bus.subscribe("cancel", (ids) => told.push(...ids));
    const id = await startRunning();
    expect((await said(`jobs_u/queue/cancel/${id}`, { body: "" }))[0]).toBe(200);
    expect(told).toEqual([id]);
    expect(await json(`jobs_u/get/${id}`)).toMatchObject({
      type: "QueuedJob",
      running: true,
      canceled: true,
      canceled_reason: "unexplicited reasons",
    });
    expect((await said(`jobs_u/queue/force_cancel/${id}`, { body: { reason: "now" } }))[0]).toBe(200);
    expect(await json(`jobs_u/get/${id}`)).toMatchObject({ type: "CompletedJob", canceled: true });
  });

  test("takes everything below along", async () => {
    const top = await run("u/alice/a");
    const child = await run(`u/alice/a?parent_job=${top}`);
    await said(`jobs_u/queue/cancel/${top}`, { body: {} });
    expect(await json(`jobs_u/get/${child}`)).toMatchObject({ canceled: true });
  });

  test("force frees the concurrency limit for the next", async () => {
    const id = await startRunning("u/alice/limited");
    const next = await run("u/alice/limited");
    await work(() => null);
    await work(null);
    expect((await json(`jobs_u/get/${next}`))["waiting_reason"]).toContain(
      "concurrency limit of 1 for the key w/script/u/alice/limited",
    );
    await said(`jobs_u/queue/force_cancel/${id}`, { body: {} });
    await work(() => ({ status: "success", result: "1" }));
    expect(await json(`jobs_u/get/${next}`)).toMatchObject({ type: "CompletedJob", success: true });
  });

  test("needs to see the job; reasons are only text", async () => {
    const id = await run("u/alice/a");
    expect((await said(`jobs_u/queue/cancel/${id}`, { as: "bob", body: {} }))[0]).toBe(404);
    expect((await said(`jobs_u/queue/cancel/${id}`, { as: "", body: {} }))[0]).toBe(401);
    expect((await said(`jobs_u/queue/cancel/${newJobId()}`, { body: {} }))[0]).toBe(404);
    expect(await said(`jobs_u/queue/cancel/${id}`, { body: { reason: 7 } })).toEqual([
      400,
      expect.stringContaining("body.reason"),
    ]);
    const reason = `'; drop table job; -- "\\ %s é`;
    await said(`jobs_u/queue/cancel/${id}`, { body: { reason } });
    expect(await json(`jobs_u/get/${id}`)).toMatchObject({ canceled_reason: reason });
  });

  test("many at once: a selection, or all runs of a perpetual script", async () => {
    const [one, two, bobs] = [
      await run("u/alice/a"),
      await run("u/alice/a"),
      await run("f/shared/b?invisible_to_owner=true", {}, { as: "bob" }),
    ];
    expect(await json("jobs/queue/cancel_selection", { body: [one, bobs, newJobId()] })).toEqual([one]);
    expect(await said("jobs_u/queue/cancel_persistent/u/alice/a", { body: { reason: "stop" } })).toEqual([
      200,
      "Cancelled 1 job of u/alice/a",
    ]);
    expect(await json(`jobs_u/get/${two}`)).toMatchObject({ canceled_reason: "stop" });
    expect(await json(`jobs_u/get/${bobs}`, { as: "bob" })).toMatchObject({ type: "QueuedJob", canceled: false });
    const told = await db.query(
      sql`select username, operation, action_kind, resource from audit where resource = any(${[one, two, bobs]}::text[]) order by id`,
    );
    const canceled = { username: "alice", operation: "jobs.cancel", action_kind: "Delete" };
    expect(told).toEqual([
      { ...canceled, resource: one },
      { ...canceled, resource: two },
    ]);
  });
});

describe("waiting jobs", () => {
  test("can be made due now, and tell when they are due and where they stand", async () => {
    const id = await run("u/alice/a?scheduled_in_secs=3600");
    expect((await json(`jobs_u/get/${id}`))["waiting_reason"]).toMatch(/^Scheduled for /);
    expect(await json(`jobs/queue/scheduled_for/${id}`)).toBeGreaterThan(Date.now() + 3_500_000);
    expect((await said(`jobs/queue/run_now/${id}`, { as: "bob", method: "POST" }))[0]).toBe(404);
    expect((await said(`jobs/queue/run_now/${id}`, { method: "POST" }))[0]).toBe(200);
    const due = await json<number>(`jobs/queue/scheduled_for/${id}`);
    expect(await json(`jobs/queue/position/${due}`)).toEqual({ position: 1 });
    expect(await json("jobs/queue/position/0")).toEqual({});
    expect((await said("jobs/queue/position/soon"))[0]).toBe(400);
    await work(() => ({ status: "success", result: "1" }));
    expect((await said(`jobs/queue/run_now/${id}`, { method: "POST" }))[0]).toBe(400);
    expect((await said(`jobs/queue/scheduled_for/${id}`))[0]).toBe(404);
    await said("jobs/delete", { as: "admin", body: [id] });
    const told = await db.query(sql`select username, operation from audit where resource = ${id} order by id`);
    expect(told).toEqual([
      { username: "alice", operation: "jobs.run_now" },
      { username: "admin", operation: "jobs.delete" },
    ]);
  });
});
