import { cancelJobs } from "@towermill/queue";
import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const slots = 2;
const world = await openFlowWorld({ slots });
const says = "export function main(n = 0) { console.log('ran'); return n + 1 }";
const pythonSays = "def main(n: int = 0):\n    print('ran')\n    return n + 1\n";
const bashSays = 'n="$1"\necho ran\necho $((${n:-0} + 1)) >result.out\n';

// every other move is refused, as when another process was faster; a sequence goes on counting when all else is undone
await world.db.execute(sql`create sequence moves`);
await world.db.execute(sql`create function refuse_move() returns trigger language plpgsql as $$
  begin
    if nextval('moves') % 2 = 0 then raise exception 'another was faster' using errcode = 'TM001'; end if;
    return new;
  end $$`);
await world.db.execute(
  sql`create trigger refuse before update on job_flow for each row execute function refuse_move()`,
);

test.each([false, true])(
  "nothing of a step that was made ready for a refused plan runs, it runs once in the end (same worker: %s)",
  async (same_worker) => {
    const other = (id: string, language: string, content: string, n: string): object => ({
      id,
      value: {
        type: "rawscript",
        language,
        content,
        lock: "",
        input_transforms: { n: { type: "javascript", expr: n } },
      },
    });
    const modules = [
      code("a", says),
      code("b", says, { n: "results.a" }),
      other("c", "python3", pythonSays, "results.b"),
      other("d", "python3", pythonSays, "results.c"),
      other("e", "bash", bashSays, "results.d"),
      code("f", says, { n: "Number(results.e)" }),
    ];
    const before = await moves();
    const runs = await Promise.all(Array.from({ length: 8 }, () => world.run({ same_worker, modules })));
    for (const { id, status, result } of runs) {
      expect([status, result]).toEqual(["success", 6]);
      const logs = await world.db.query<{ text: string }>(sql`
        select string_agg(l.text, '' order by l.position) as text from job j join job_log l on l.job_id = j.id
        where j.root_job = ${id} group by j.id`);
      expect(logs.map(({ text }) => text)).toEqual(modules.map(() => "ran\n"));
    }
    expect((await moves()) - before).toBeGreaterThan(runs.length * modules.length);
  },
);

test("the slots of refused steps are free afterwards", async () => {
  const slow = {
    modules: [code("a", "export async function main() { await new Promise((r) => setTimeout(r, 60000)) }")],
  };
  const ids = await Promise.all(Array.from({ length: slots + 1 }, () => world.start(slow)));
  const running = async (): Promise<number> =>
    (
      await world.db.one<{ n: number }>(sql`select count(*)::int as n from job_queue q join job j using (id)
        where q.running and q.worker is not null and j.root_job = any(${ids}::uuid[]) and j.flow_step_id is not null`)
    ).n;
  await expect.poll(running, { timeout: 10_000 }).toBe(slots);
  await world.db.execute(sql`alter table job_flow disable trigger refuse`);
  const { stopping } = await cancelJobs(world.db, { workspace: "admins", ids, by: "alice", reason: "seen" });
  world.bus.publish("cancel", [...stopping, ...ids]);
});

async function moves(): Promise<number> {
  return (await world.db.one<{ n: number }>(sql`select last_value as n from moves`)).n;
}
