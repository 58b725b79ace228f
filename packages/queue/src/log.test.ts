import { testDatabase } from "@towermill/testkit";
import { expect, test } from "vitest";
import { claimJobs } from "./claim.ts";
import { completeJobs } from "./complete.ts";
import { jobOf, startTestWorker } from "./job.fixture.ts";
import { appendStream, readLive, setProgress } from "./live.ts";
import { appendLogs, logLength, noteInLog, readLog } from "./log.ts";
import { pushJob } from "./push.ts";
import type { ClaimedJob } from "./job.ts";

const { db } = await testDatabase();
const worker = await startTestWorker(db);

async function running(): Promise<ClaimedJob> {
  await pushJob(db, jobOf());
  const [job] = await claimJobs(db, { worker, tags: ["bun"], count: 1 });
  if (!job) throw new Error("nothing claimed");
  return job;
}

test("chunks join to one text that can be read from any offset, counted in UTF-16 units", async () => {
  const job = await running();
  const parts = ["héllo 🌍\n", "wörld\n", "end"];
  let position = 0;
  for (const text of parts) {
    await appendLogs(db, [{ jobId: job.id, attempt: job.attempt, position, text }]);
    position += text.length;
  }
  const whole = parts.join("");
  expect(await logLength(db, job.id)).toBe(whole.length);
  for (let offset = 0; offset <= whole.length + 2; offset += 1) {
    expect(await readLog(db, job.id, offset)).toBe(whole.slice(offset));
  }
});

test("a chunk of an attempt that runs no longer is dropped, one sent twice is kept once", async () => {
  const job = await running();
  const chunk = { jobId: job.id, attempt: job.attempt, position: 0, text: "once" };
  await appendLogs(db, [chunk]);
  await appendLogs(db, [chunk, { ...chunk, attempt: job.attempt + 1, position: 4, text: "late" }]);
  expect(await readLog(db, job.id)).toBe("once");
});

test("the last lines are written with the end of the job", async () => {
  const job = await running();
  await completeJobs(db, [
    { id: job.id, attempt: job.attempt, status: "success", result: "1", lastLog: { position: 0, text: "bye\n" } },
  ]);
  await noteInLog(db, job.id, "a note");
  expect(await readLog(db, job.id)).toBe("bye\na note\n");
});

test("progress only rises and what was streamed joins, until the job ends", async () => {
  const job = await running();
  for (const percent of [10, 5, 200]) await setProgress(db, job.id, percent);
  await appendStream(db, { jobId: job.id, attempt: job.attempt, text: "a" });
  await appendStream(db, { jobId: job.id, attempt: job.attempt, text: "b" });
  expect(await readLive(db, job.id)).toEqual({ progress: 99, memPeakKb: null, stream: "ab" });
  await completeJobs(db, [{ id: job.id, attempt: job.attempt, status: "success", result: "1" }]);
  expect(await readLive(db, job.id)).toBeNull();
});
