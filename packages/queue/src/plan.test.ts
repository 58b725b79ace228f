import { sql } from "@towermill/store";
import { filledWeeks, fillJobs, recordPlans, testDatabase, usualFill, type Plan } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { cancelJobs, claimedOf } from "./cancel.ts";
import { claimJobs } from "./claim.ts";
import { completeJobs, releaseNext } from "./complete.ts";
import { jobOf, startTestWorker } from "./job.fixture.ts";
import { appendLogs, logLength, readLog } from "./log.ts";
import { createPartitions } from "./partition.ts";
import { pushJob } from "./push.ts";
import { giveBackJobs, rescueJobs } from "./requeue.ts";

const { db } = await testDatabase();
const plans = recordPlans(db);
const worker = "wk-test";

beforeAll(async () => {
  for (let week = 0; week <= filledWeeks; week += 1) {
    await createPartitions(db, new Date(Date.now() - week * 7 * 86_400_000));
  }
  await startTestWorker(db, worker);
  await fillJobs(db, { workspace: "admins", fill: usualFill });
}, 600_000);

/** What the statements of `work` read; fails when one of them reads a large table from end to end. */
async function readBy(work: () => Promise<unknown>): Promise<string[]> {
  plans.take();
  await work();
  const taken: Plan[] = plans.take();
  expect(taken.filter((plan) => plan.readWhole.length > 0 || plan.sorted > 1000)).toEqual([]);
  return [...new Set(taken.flatMap((plan) => plan.indexes))].toSorted();
}

async function anId(): Promise<string> {
  const { id } = await db.one<{ id: string }>(sql`select id from job_done order by id desc limit 1`);
  return id;
}

async function running(): Promise<{ id: string; attempt: number }> {
  const job = jobOf();
  await pushJob(db, job, { worker, tokenHash: Buffer.alloc(32) });
  return { id: job.id, attempt: 1 };
}

describe("with many finished and many queued jobs", () => {
  test("a push reads nothing", async () => {
    expect(await readBy(() => pushJob(plans.db, jobOf()))).toEqual([]);
  });

  test("a claim takes the next jobs from the index that holds them in order", async () => {
    const read = await readBy(() => claimJobs(plans.db, { worker, tags: ["bun"], count: 8 }));
    expect(read).toEqual(["job_pkey", "job_queue_claim", "job_queue_pkey"]);
  });

  test("a claim that finds nothing reads the two indexes of what is due", async () => {
    const read = await readBy(() => claimJobs(plans.db, { worker, tags: ["nobody"], count: 8 }));
    expect(read).toEqual(["job_pkey", "job_queue_claim", "job_queue_claim_limited", "job_queue_pkey"]);
  });

  test("a job under a concurrency limit is found by its own index, and the next of its key", async () => {
    const concurrency = { key: "admins/f/x", limit: 1, windowSeconds: 0 };
    const tag = "limited";
    await pushJob(db, jobOf({ concurrency, tag }));
    const read = await readBy(() => claimJobs(plans.db, { worker, tags: [tag], count: 1 }));
    expect(read).toContain("job_queue_claim_limited");
    expect(await readBy(() => releaseNext(plans.db, concurrency.key))).toContain("job_queue_key");
  });

  test("a completion looks only at its jobs or at what runs", async () => {
    const jobs = [await running(), await running()];
    const read = await readBy(() =>
      completeJobs(
        plans.db,
        jobs.map(({ id, attempt }) => ({ id, attempt, status: "success", result: "1" })),
      ),
    );
    expect(read.filter((index) => index.startsWith("job_queue"))).toEqual([
      expect.stringMatching(/^job_queue_(pkey|worker)$/),
    ]);
  });

  test("giving back goes by the ids of the jobs", async () => {
    const job = await running();
    expect(await readBy(() => giveBackJobs(plans.db, [job]))).toContain("job_queue_pkey");
  });

  test("cancelling follows the tree by its index", async () => {
    const { id } = await running();
    const request = { workspace: "admins", ids: [id], by: "bob", reason: "x" };
    const read = await readBy(() => cancelJobs(plans.db, request));
    expect(read).toEqual(expect.arrayContaining(["job_children", "job_pkey", "job_queue_pkey"]));
  });

  test("a rescue and a worker's heartbeat look only at what runs", async () => {
    expect(await readBy(() => rescueJobs(plans.db))).toContain("job_queue_worker");
    expect(await readBy(() => claimedOf(plans.db, worker))).toEqual(["job_queue_worker"]);
  });

  test("a log is appended and read by its job", async () => {
    const { id, attempt } = await running();
    const chunk = { jobId: id, attempt, position: 0, text: "a" };
    expect(await readBy(() => appendLogs(plans.db, [chunk]))).toEqual(["job_queue_pkey"]);
    const old = await anId();
    expect(await readBy(() => readLog(plans.db, old, 2))).toEqual(["job_log_pkey"]);
    expect(await readBy(() => logLength(plans.db, old))).toEqual(["job_log_pkey"]);
  });
});
