import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";
import { metricsHandler } from "../handlers/metrics.ts";
import { countEnded, readEnded } from "./ended.ts";
import { exposition } from "./exposition.ts";

const world = await jobsWorld();
const { db, services } = world;

async function end(id: string, { runner, secondsAgo }: { runner: string | null; secondsAgo: number }): Promise<void> {
  await db.execute(sql`insert into job_done (id, workspace_id, status, duration_ms, runner, start_ms, completed_at)
    values (${id}, 'w', 'success', 1, ${runner}, ${runner === null ? null : 1500}, now() - make_interval(secs => ${secondsAgo}))`);
}
const idOf = (n: number): string => `0190aaaa-0000-7000-8000-${String(n).padStart(12, "0")}`;

test("label values may hold anything", () => {
  const samples = [{ labels: { tag: 'a"b\\c\nd' }, value: 1 }, { value: 0.5 }];
  expect(exposition([{ name: "x", help: "What", type: "gauge", samples }])).toBe(
    '# HELP x What\n# TYPE x gauge\nx{tag="a\\"b\\\\c\\nd"} 1\nx 0.5\n',
  );
});

test("ended jobs are counted once, those of this moment at the next reading", async () => {
  await end(idOf(1), { runner: "reused", secondsAgo: 100 });
  await end(idOf(2), { runner: "reused", secondsAgo: 20 });
  await end(idOf(3), { runner: null, secondsAgo: 20 });
  await end(idOf(4), { runner: "cold", secondsAgo: 0 });
  const { until } = await readEnded(db, { since: null });
  const since = (await db.one<{ at: string }>(sql`select (now() - interval '1 minute')::text as at`)).at;
  const found = await readEnded(db, { since });
  expect(found.groups.toSorted((a, b) => a.runner.localeCompare(b.runner))).toEqual([
    { status: "success", runner: "none", jobs: 1, started: 0, start_ms: 0 },
    { status: "success", runner: "reused", jobs: 1, started: 1, start_ms: 1500 },
  ]);
  expect(Date.parse(found.until)).toBeGreaterThanOrEqual(Date.parse(until));
  expect((await readEnded(db, { since: found.until })).groups).toEqual([]);
});

test("two readings at once count nothing twice", async () => {
  const read = countEnded(db);
  await read();
  const both = await Promise.all([read(), read()]);
  expect(both[0]).toEqual(both[1]);
});

test("the answer is in the format of Prometheus and holds queue, runners, connections and process", async () => {
  for (const [n, tag] of ["bun", "bun", "gpu"].entries())
    await db.execute(sql`insert into job_queue (id, workspace_id, tag, scheduled_for, suspend_until)
      values (${idOf(10 + n)}, 'w', ${tag}, now() + make_interval(secs => ${n === 1 ? 60 : -60}), ${n === 2 ? new Date() : null})`);
  const runnerStats = () => ({ blank: 2, idle: 1, busy: 0, started: 3 });
  const answer = await metricsHandler({ ...services, runnerStats })();
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await answer.text();
  for (const line of [
    'towermill_queue_jobs{tag="bun",state="queued"} 1',
    'towermill_queue_jobs{tag="bun",state="scheduled"} 1',
    'towermill_queue_jobs{tag="gpu",state="suspended"} 1',
    'towermill_runners{state="blank"} 2',
    "towermill_runners_started_total 3",
    "towermill_database_waiting 0",
  ])
    expect(text.split("\n")).toContain(line);
  expect(text).toMatch(/^towermill_queue_oldest_seconds\{tag="bun"\} 6\d/m);
  for (const line of text.trimEnd().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+)$/);
  await db.execute(sql`delete from job_queue`);
});
