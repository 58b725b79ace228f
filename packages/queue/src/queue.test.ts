import { sql } from "@towermill/store";
import { testDatabase } from "@towermill/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { cancelJobs, claimedOf } from "./cancel.ts";
import { claimJobs } from "./claim.ts";
import { completeJobs, releaseNext } from "./complete.ts";
import { alice, jobOf, startTestWorker, statusOf } from "./job.fixture.ts";
import { pushJob } from "./push.ts";
import { giveBackJobs, maximumRestarts, rescueJobs } from "./requeue.ts";

const { db } = await testDatabase();
const worker = "wk-test";
const claim = (count: number, tags = ["bun"]) => claimJobs(db, { worker, tags, count });
const done = (job: { id: string; attempt: number }, result = "1") =>
  completeJobs(db, [{ id: job.id, attempt: job.attempt, status: "success", result }]);

beforeEach(async () => {
  await db.execute(
    sql`truncate job, job_queue, job_done, job_log, job_live, worker, concurrency_key, concurrency_slot`,
  );
  await startTestWorker(db, worker);
});

describe("pushing", () => {
  test("an id that was used before is refused, waiting or finished", async () => {
    const job = jobOf();
    await pushJob(db, job);
    await expect(pushJob(db, job)).rejects.toMatchObject({ code: "already_exists", status: 400 });
    const [claimed] = await claim(1);
    if (claimed) await done(claimed);
    await expect(pushJob(db, job)).rejects.toMatchObject({ code: "already_exists" });
  });

  test("arguments keep their spelling: key order and integers beyond 2^53", async () => {
    const args = '{"z":9007199254740993,"a":1.0,"nested":{"b":1,"a":2}}';
    await pushJob(db, jobOf({ args }));
    expect((await claim(1))[0]?.args).toBe(args);
  });

  test("a job pushed for a local slot is running at once and nobody else can claim it", async () => {
    const job = jobOf();
    await pushJob(db, job, { worker, tokenHash: Buffer.alloc(32) });
    expect(await claim(5)).toEqual([]);
    expect(await claimedOf(db, worker)).toEqual([{ id: job.id, attempt: 1, canceled: false }]);
  });
});

describe("claiming", () => {
  test("gives the highest priority first, then the longest due, and only due jobs of the worker's tags", async () => {
    const late = jobOf({ scheduledFor: new Date(Date.now() + 3_600_000) });
    const low = jobOf({ scheduledFor: new Date(Date.now() - 5000) });
    const lower = jobOf({ scheduledFor: new Date(Date.now() - 4000) });
    const high = jobOf({ priority: 50 });
    const other = jobOf({ tag: "gpu" });
    for (const job of [late, lower, other, low, high]) await pushJob(db, job);
    const claimed = await claim(10);
    expect(claimed.map((job) => job.id)).toEqual([high.id, low.id, lower.id]);
    expect(claimed[0]).toMatchObject({ attempt: 1, member: alice, permissionedAs: "u/alice" });
  });

  test("hands each job to exactly one of many claimers", async () => {
    const ids = new Set<string>();
    for (let n = 0; n < 200; n += 1) {
      const job = jobOf();
      ids.add(job.id);
      await pushJob(db, job);
    }
    const claimed: string[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let jobs = await claim(7); jobs.length > 0; jobs = await claim(7))
          claimed.push(...jobs.map((job) => job.id));
      }),
    );
    expect(claimed).toHaveLength(200);
    expect(new Set(claimed)).toEqual(ids);
  });
});

describe("completing", () => {
  test("ends a job once: the second completion and one of an older attempt change nothing", async () => {
    await pushJob(db, jobOf());
    const [first] = await claim(1);
    if (!first) throw new Error("nothing claimed");
    await giveBackJobs(db, [first]);
    const [second] = await claim(1);
    if (!second) throw new Error("nothing claimed");
    expect(second.attempt).toBe(2);
    expect(await done(first, '"late"')).toEqual([]);
    expect(await done(second, '"right"')).toHaveLength(1);
    expect(await done(second, '"again"')).toEqual([]);
    expect(await statusOf(db, first.id)).toEqual({ status: "success", result: '"right"' });
  });

  test("a job cancelled while it ran ends as cancelled, whatever its code answered", async () => {
    const job = jobOf();
    await pushJob(db, job);
    const [claimed] = await claim(1);
    await cancelJobs(db, { workspace: "admins", ids: [job.id], by: "bob", reason: "no need" });
    if (claimed) await done(claimed, '"too late"');
    const ended = await statusOf(db, job.id);
    expect(ended?.status).toBe("canceled");
    expect(JSON.parse(ended?.result ?? "")).toEqual({
      error: { message: "Job canceled: no need by bob", name: "Canceled", reason: "no need", canceler: "bob" },
    });
  });

  test("writes results of any shape verbatim, many at once", async () => {
    const results = [
      '{"b":1,"a":12345678901234567890}',
      "null",
      '"\\u0000"',
      '"\\ud800"',
      "[1,2]",
      '"quote \\" and \\\\ {x}"',
    ];
    for (const _ of results) await pushJob(db, jobOf());
    const claimed = await claim(10);
    await completeJobs(
      db,
      claimed.map((job, index) => ({
        id: job.id,
        attempt: job.attempt,
        status: "success",
        result: results[index] ?? "",
        labels: ["a,b", '"'],
      })),
    );
    for (const [index, job] of claimed.entries()) expect((await statusOf(db, job.id))?.result).toBe(results[index]);
    const rows = await db.query<{ labels: string[] }>(sql`select labels from job_done`);
    expect(rows.every((row) => row.labels.join("|") === 'a,b|"')).toBe(true);
  });
});

describe("cancelling", () => {
  test("ends what waits, marks what runs, through the whole tree and in no other workspace", async () => {
    const root = jobOf();
    const child = jobOf({ parentJob: root.id, scheduledFor: new Date(Date.now() + 60_000) });
    const grandchild = jobOf({ parentJob: child.id, scheduledFor: new Date(Date.now() + 60_000) });
    for (const job of [root, child, grandchild]) await pushJob(db, job);
    await claim(1);
    const foreign = await cancelJobs(db, { workspace: "other", ids: [root.id], by: "eve", reason: "x" });
    expect(foreign).toEqual({ ended: [], stopping: [] });
    const canceled = await cancelJobs(db, { workspace: "admins", ids: [root.id], by: "bob", reason: "x" });
    expect(canceled.stopping).toEqual([root.id]);
    expect(new Set(canceled.ended)).toEqual(new Set([child.id, grandchild.id]));
    expect((await claimedOf(db, worker))[0]).toMatchObject({ canceled: true });
  });

  test("by force ends a running job although its worker says nothing", async () => {
    const job = jobOf();
    await pushJob(db, job);
    const [claimed] = await claim(1);
    const canceled = await cancelJobs(db, { workspace: "admins", ids: [job.id], by: "bob", reason: "x", force: true });
    expect(canceled.ended).toEqual([job.id]);
    if (claimed) expect(await done(claimed)).toEqual([]);
  });
});

describe("a lost worker", () => {
  const lose = () => db.execute(sql`update worker set last_ping = now() - interval '1 minute' where name = ${worker}`);

  test("has its jobs restarted, then failed with a result that names it", async () => {
    const job = jobOf();
    await pushJob(db, job);
    for (let round = 1; round <= maximumRestarts; round += 1) {
      await startTestWorker(db, worker);
      expect((await claim(1))[0]?.attempt).toBe(round);
      expect(await rescueJobs(db)).toEqual([]);
      await lose();
      expect(await rescueJobs(db)).toMatchObject([{ id: job.id, restarted: true, restarts: round, worker }]);
    }
    await claim(1);
    expect(await rescueJobs(db)).toMatchObject([{ id: job.id, restarted: false }]);
    const ended = await statusOf(db, job.id);
    expect(ended?.status).toBe("failure");
    expect(ended?.result).toContain("worker lost 4 times (last: wk-test)");
  });

  test("that was only slow cannot complete any more", async () => {
    await pushJob(db, jobOf());
    const [slow] = await claim(1);
    await lose();
    await rescueJobs(db);
    await startTestWorker(db, worker);
    const [again] = await claim(1);
    if (!slow || !again) throw new Error("nothing claimed");
    expect(await done(slow, '"slow"')).toEqual([]);
    expect(await done(again, '"again"')).toHaveLength(1);
  });

  test("a job that nobody pings for because its worker is unknown is rescued too", async () => {
    await pushJob(db, jobOf(), { worker: "wk-never-registered", tokenHash: Buffer.alloc(32) });
    expect(await rescueJobs(db)).toMatchObject([{ restarted: true, worker: "wk-never-registered" }]);
  });
});

describe("a concurrency limit", () => {
  test("never lets more than its number run, with many claimers, and drains", async () => {
    const concurrency = { key: "admins/f/x", limit: 3, windowSeconds: 0 };
    for (let n = 0; n < 30; n += 1) await pushJob(db, jobOf({ concurrency }));
    let most = 0;
    let finished = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        while (finished < 30) {
          for (const job of await claim(2)) {
            const { running } = await db.one<{ running: number }>(
              sql`select count(*)::int as running from concurrency_slot where key = ${concurrency.key} and ended_at is null`,
            );
            most = Math.max(most, running);
            const ended = await done(job);
            finished += ended.length;
            await releaseNext(db, concurrency.key);
          }
        }
      }),
    );
    expect(most).toBeLessThanOrEqual(3);
    expect(finished).toBe(30);
  });

  test("counts runs that ended inside its window", async () => {
    const concurrency = { key: "admins/f/window", limit: 1, windowSeconds: 3600 };
    for (let n = 0; n < 2; n += 1) await pushJob(db, jobOf({ concurrency }));
    const [first] = await claim(5);
    if (!first) throw new Error("nothing claimed");
    await done(first);
    await db.execute(sql`update job_queue set scheduled_for = now()`);
    expect(await claim(5)).toEqual([]);
    const { ahead } = await db.one<{ ahead: boolean }>(
      sql`select scheduled_for > now() + interval '50 minutes' as ahead from job_queue`,
    );
    expect(ahead).toBe(true);
  });
});
