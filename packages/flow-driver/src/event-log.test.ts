import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { migrate, readMigrations, sql } from "@towermill/store";
import { testDatabase, testFolder } from "@towermill/testkit";
import { expect, test } from "vitest";
import { readEvents } from "./event-log.ts";

const flow = "01a22f6e-132c-7bc1-9e41-f340c08884c8";

test("histories of flows from before they were kept by transition are still there, in order and in their weeks", async () => {
  const { db, url } = await testDatabase();
  await db.execute(sql`drop schema public cascade`);
  await db.execute(sql`create schema public`);
  const before = testFolder();
  for (const { name, text, number } of readMigrations()) if (number < 12) writeFileSync(join(before, name), text);
  await migrate({ url, folder: before });
  await db.execute(sql`create table flow_event_w20261130 partition of flow_event
    for values from ('01a229c0-5400-0000-0000-000000000000') to ('01a24dcc-d800-0000-0000-000000000000')`);
  const events = [
    [1, 0, "2026-12-01T10:00:00Z", null, null, null, "started", null],
    [1, 1, "2026-12-01T10:00:00.001Z", "l", 0, 0, "pushed", '{"kind":"code"}'],
    [2, 3, "2026-12-01T10:00:01Z", "l", 0, 0, "ended", '{"success":true,"by":null}'],
  ] as const;
  for (const [revision, position, at, step, iteration, attempt, what, detail] of events)
    await db.execute(sql`insert into flow_event (flow_job, revision, position, at, step, iteration, attempt, what, detail)
      values (${flow}, ${revision}, ${position}, ${at}, ${step}, ${iteration}, ${attempt}, ${what}, ${detail})`);
  await migrate({ url });
  expect(await readEvents(db, flow)).toEqual([
    {
      revision: 1,
      at: new Date(events[0][2]),
      step: null,
      iteration: null,
      attempt: null,
      what: "started",
      detail: null,
    },
    {
      revision: 1,
      at: new Date(events[0][2]),
      step: "l",
      iteration: 0,
      attempt: 0,
      what: "pushed",
      detail: '{"kind":"code"}',
    },
    {
      revision: 2,
      at: new Date(events[2][2]),
      step: "l",
      iteration: 0,
      attempt: 0,
      what: "ended",
      detail: '{"success":true,"by":null}',
    },
  ]);
  expect(await readEvents(db, flow, { after: 1 })).toHaveLength(1);
  expect(await db.one(sql`select count(*)::int as rows from flow_event_w20261130`)).toEqual({ rows: 2 });
});
