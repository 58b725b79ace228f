import { createPartitions } from "@towermill/queue";
import { sql } from "@towermill/store";
import { filledWeeks, fillJobs, recordPlans, testDatabase, usualFill } from "@towermill/testkit";
import { beforeAll, expect, test } from "vitest";
import { readEnds } from "./ended-job.ts";

const { db } = await testDatabase();
const plans = recordPlans(db);

beforeAll(async () => {
  for (let week = 0; week <= filledWeeks; week += 1) {
    await createPartitions(db, new Date(Date.now() - week * 7 * 86_400_000));
  }
  await db.execute(sql`insert into workspace (id, name, owner) values ('w', 'W', 'a@example.com')`);
  await fillJobs(db, { workspace: "w", fill: usualFill });
  await db.execute(
    sql`update job_done set status = 'failure' where id in (select id from job_done order by completed_at desc limit 20)`,
  );
  await db.execute(sql`insert into handler_watch (workspace_id, since) values ('w', now() - interval '1 year')`);
  await db.execute(sql`analyze job_done`);
}, 300_000);

test.each([
  ["failures", ["failure", "canceled"]],
  ["successes too", ["failure", "canceled", "success"]],
])("looking for what ended reads the newest ends from an index: %s", async (_, statuses) => {
  plans.take();
  await readEnds(plans.db, { workspace: "w", statuses, limit: 100 });
  const taken = plans.take();
  expect(taken.filter((plan) => plan.readWhole.length > 0 || plan.sorted > 1000)).toEqual([]);
  expect(taken.flatMap((plan) => plan.indexes)).toContain(
    statuses.includes("success") ? "job_done_recent" : "job_done_failed",
  );
});
