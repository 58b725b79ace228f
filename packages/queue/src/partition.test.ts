import { sql } from "@towermill/store";
import { testDatabase } from "@towermill/testkit";
import { expect, test } from "vitest";
import { newJobId } from "./id.ts";
import { jobOf } from "./job.fixture.ts";
import { createPartitions, dropPartitions } from "./partition.ts";
import { pushJob } from "./push.ts";

const { db } = await testDatabase();
const now = new Date("2026-11-20T12:00:00Z");

const partitionOf = async (id: string): Promise<string> =>
  (await db.one<{ name: string }>(sql`select tableoid::regclass::text as name from job where id = ${id}`)).name;

test("jobs go to the week of their id; those that came before the partition move into it", async () => {
  const early = jobOf({ id: newJobId(now.getTime()) });
  await pushJob(db, early);
  expect(await partitionOf(early.id)).toBe("job_default");
  await createPartitions(db, now);
  await createPartitions(db, now);
  expect(await partitionOf(early.id)).toBe("job_w20261116");
  const next = jobOf({ id: newJobId(now.getTime() + 7 * 86_400_000) });
  await pushJob(db, next);
  expect(await partitionOf(next.id)).toBe("job_w20261123");
});

test("ids that callers chose live in the default partition and are unique across all", async () => {
  const chosen = jobOf({ id: "c0ffee00-0000-4000-8000-000000000001" });
  await pushJob(db, chosen);
  expect(await partitionOf(chosen.id)).toBe("job_default");
  await expect(pushJob(db, chosen)).rejects.toMatchObject({ code: "already_exists" });
});

test("a week beyond the retention is dropped, unless one of its jobs still waits", async () => {
  const later = new Date(now.getTime() + 60 * 86_400_000);
  const kept = await dropPartitions(db, later);
  expect(kept).not.toContain("job_w20261116");
  await db.execute(sql`delete from job_queue`);
  expect(await dropPartitions(db, later)).toContain("job_w20261116");
  expect(await dropPartitions(db, now)).toEqual([]);
});

test("several processes may create the same partitions at once", async () => {
  const future = new Date("2027-05-05T00:00:00Z");
  await Promise.all([1, 2, 3].map(() => createPartitions(db, future)));
  const rows = await db.query(sql`select from pg_class where relname = 'job_w20270503'`);
  expect(rows).toHaveLength(1);
});
