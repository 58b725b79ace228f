import { sql } from "@towermill/store";
import { registerWorker } from "@towermill/queue";
import { afterEach, describe, expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, said, json, run, work, addScript } = world;

await addScript({ path: "u/alice/a", hash: "a1" });
await addScript({ path: "u/alice/limited", hash: "l1", options: { concurrent_limit: 1, concurrency_key: "k" } });

afterEach(() => world.clear());

const registration = {
  instance: "host",
  group: "default",
  slots: 4,
  ip: "10.0.0.1",
  version: "v",
  isolation: "none",
  vcpus: 1000,
  memory: 1,
};

describe("workers", () => {
  test("are listed while they are heard of; their address only for those who run the instance", async () => {
    await registerWorker(db, { ...registration, name: "w1", tags: ["bun", "gpu"] });
    await registerWorker(db, { ...registration, name: "w2", tags: ["old"] });
    await db.execute(sql`update worker set last_ping = now() - interval '20 seconds' where name = 'w2'`);
    const [mine] = await json<Record<string, unknown>[]>("/workers/list?ping_since=10");
    expect(mine).toMatchObject({
      worker: "w1",
      worker_group: "default",
      custom_tags: ["bun", "gpu"],
      last_ping: 0,
      ip: "hidden",
      slots: 4,
    });
    expect(await json("/workers/list?ping_since=60", { as: "admin" })).toMatchObject([
      { ip: "10.0.0.1" },
      { worker: "w2" },
    ]);
    expect(await json("/workers/list?ping_since=60&per_page=1")).toHaveLength(1);
    expect(await json("/workers/exists_workers_with_tags?tags=bun,old,none")).toEqual({
      bun: true,
      old: false,
      none: false,
    });
    expect((await said("/workers/list", { as: "" }))[0]).toBe(401);
    const id = await run("u/alice/a");
    expect((await json(`jobs_u/get/${id}`))["waiting_reason"]).toContain("Due");
    expect((await said("jobs/run/p/u/alice/a?tag=gpu", { body: {} }))[0]).toBe(201);
  });

  test("the queue is counted by tag", async () => {
    await registerWorker(db, { ...registration, name: "w1", tags: ["bun"] });
    await run("u/alice/a");
    await run("u/alice/a?tag=python3");
    expect(await json("/workers/queue_counts")).toEqual({ bun: 1, python3: 1 });
    expect(await json("/workers/queue_running_counts")).toEqual({});
    expect(await json("/workers/queue_status")).toEqual([
      { tag: "bun", waiting: 1, delay: expect.any(Number), running: 0, workers: 1 },
      { tag: "python3", waiting: 1, delay: expect.any(Number), running: 0, workers: 0 },
    ]);
    await work(() => ({ status: "success", result: "1" }));
    expect(await json("/jobs/completed/count_by_tag?horizon_secs=30&workspace_id=w", { as: "admin" })).toEqual([
      { tag: "bun", count: 1 },
    ]);
    expect((await said("/jobs/completed/count_by_tag"))[0]).toBe(403);
    expect(Math.abs((await json<number>("/jobs/db_clock")) - Date.now())).toBeLessThan(5000);
  });

  test("tags are told: defaults, added ones, and where they may be used", async () => {
    await db.execute(
      sql`insert into global_setting values ('custom_tags', '["gpu(w+x)", "not(^w)", "plain", 7]'), ('default_tags_per_workspace', 'true')`,
    );
    expect(await json("/workers/custom_tags")).toEqual(["gpu", "not", "plain"]);
    expect(await json("/workers/custom_tags?show_workspace_restriction=true")).toEqual([
      "gpu(w+x)",
      "not(^w)",
      "plain",
    ]);
    expect(await json("workers/custom_tags")).toEqual(["gpu", "plain"]);
    expect(await json("/workers/get_default_tags")).toEqual(
      expect.arrayContaining(["bun", "python3", "dependency", "flow"]),
    );
    expect(await json("/workers/is_default_tags_per_workspace")).toBe(true);
    world.bus.publish("changed", ["tags:*"]);
    expect(await json(`jobs_u/get/${await run("u/alice/a")}`)).toMatchObject({ tag: "bun-w" });
  });
});

describe("concurrency keys", () => {
  test("are listed with what runs, and forgotten when nothing does", async () => {
    const started = new Promise<string>((resolve) => {
      void work((job) => {
        resolve(job.id);
        return null;
      });
    });
    await run("u/alice/limited");
    const id = await started;
    expect(await json("/concurrency_groups/list", { as: "admin" })).toEqual([
      { concurrency_key: "k", total_running: 1 },
    ]);
    expect(await said(`/concurrency_groups/${id}/key`)).toEqual([200, "k"]);
    expect((await said(`/concurrency_groups/${id}/key`, { as: "eve" }))[0]).toBe(404);
    expect((await said("/concurrency_groups/prune/k", { as: "admin", method: "DELETE" }))[0]).toBe(400);
    expect(await json("concurrency_groups/list_jobs?concurrency_key=k", { as: "bob" })).toMatchObject({
      jobs: [],
      obscured_jobs: [{ typ: "QueuedJob" }],
    });
    await db.execute(sql`update concurrency_slot set ended_at = now()`);
    expect(await json("/concurrency_groups/prune/k", { as: "admin", method: "DELETE" })).toEqual({});
    expect((await said("/concurrency_groups/list"))[0]).toBe(403);
  });
});
