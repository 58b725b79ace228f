import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const isLong = process.env["FLOW_SCALE"] === "long";
const sequence = isLong ? 5000 : 400;
const fan = isLong ? 1000 : 200;
const js = (expr: string): object => ({ type: "javascript", expr });
const range = (n: number): object => js(`Array.from({ length: ${n} }, (_, i) => i)`);
const echo = code("e", "export function main(n: number) { return n }", { n: "flow_input.iter.value" });

test("a step is one commit", { timeout: 60_000 }, async () => {
  await world.run({ modules: [code("s0", "export function main() { return 1 }")] });
  const before = world.writes().length;
  const modules = Array.from({ length: 40 }, (_, i) =>
    code(`s${i}`, "export function main(n: number) { return (n ?? 0) + 1 }", {
      n: i === 0 ? "0" : `results.s${i - 1}`,
    }),
  );
  const from = performance.now();
  expect(await world.run({ modules })).toMatchObject({ status: "success", result: 40 });
  const took = performance.now() - from;
  const writes = world.writes().slice(before);
  console.log(`40 steps: ${took.toFixed(0)} ms, ${writes.length} commits`);
  // the push of the flow, its beginning with the first step, and the end of each step with the push of the next
  expect(writes.length, writes.join("\n")).toBe(1 + 1 + 40);
});

/** Milliseconds from one end to the next of the iterations from one to another: the median, so that no pause of the machine counts. */
async function paceOf(id: string, [from, to]: [number, number]): Promise<number> {
  const { ms } = await world.db.one<{ ms: number }>(sql`
    select percentile_cont(0.5) within group (order by pause)::float8 as ms from (
      select extract(epoch from d.completed_at - lag(d.completed_at) over (order by c.iteration)) * 1000 as pause
      from flow_child c join job_done d on d.id = c.job
      where c.flow_job = ${id} and c.iteration between ${from} and ${to}) t`);
  return ms;
}

test(
  `a sequential loop of ${sequence} costs the same at its end as at its beginning`,
  { timeout: 200_000 },
  async () => {
    const from = performance.now();
    const ran = await world.run({
      modules: [
        { id: "l", value: { type: "forloopflow", iterator: range(sequence), skip_failures: false, modules: [echo] } },
      ],
    });
    console.log(`sequential ${sequence}: ${((performance.now() - from) / sequence).toFixed(2)} ms each`);
    expect(ran.result).toEqual(Array.from({ length: sequence }, (_, i) => i));
    const part = Math.floor(sequence / 8);
    const early = await paceOf(ran.id, [part, 2 * part]);
    const late = await paceOf(ran.id, [sequence - part - 1, sequence - 1]);
    console.log(`early ${early.toFixed(2)} ms, late ${late.toFixed(2)} ms`);
    expect(late).toBeLessThan(early * 2 + 1);
    const { size } = await world.db.one<{ size: number }>(
      sql`select length(status::text) as size from job_flow where id = ${ran.id}`,
    );
    expect(size).toBeLessThan(1000);
  },
);

test(`a sequential loop of ${sequence} flows costs the same throughout`, { timeout: 200_000 }, async () => {
  const identity = (id: string): object => ({ id, value: { type: "identity" } });
  const from = performance.now();
  const ran = await world.run({
    modules: [
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: range(sequence),
          skip_failures: false,
          modules: [identity("i"), identity("j")],
        },
      },
    ],
  });
  console.log(`sequential bodies ${sequence}: ${((performance.now() - from) / sequence).toFixed(2)} ms each`);
  expect(ran.result).toHaveLength(sequence);
});

test(`a parallel loop of ${fan} ends with every result in its place`, { timeout: 200_000 }, async () => {
  const from = performance.now();
  const ran = await world.run({
    modules: [
      {
        id: "l",
        value: { type: "forloopflow", iterator: range(fan), skip_failures: false, parallel: true, modules: [echo] },
      },
    ],
  });
  console.log(`parallel ${fan}: ${((performance.now() - from) / fan).toFixed(2)} ms each`);
  expect(ran.result).toEqual(Array.from({ length: fan }, (_, i) => i));
  const n = 60;
  const limited = await world.run({
    modules: [
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: range(n),
          skip_failures: false,
          parallel: true,
          parallelism: 4,
          modules: [echo],
        },
      },
    ],
  });
  expect(limited.result).toHaveLength(n);
});

test("a large result does not slow the steps that do not read it", { timeout: 60_000 }, async () => {
  const small = (id: string): object => code(id, "export function main() { return 1 }");
  const big = code("big", "export function main() { return 'x'.repeat(5_000_000) }");
  const steps = Array.from({ length: 10 }, (_, i) => small(`s${i}`));
  await world.run({ modules: steps });
  const timed = async (modules: object[]): Promise<number> => {
    const { id } = await world.run({ modules });
    const { ms } = await world.db.one<{ ms: number }>(sql`
      select extract(epoch from max(d.completed_at) - min(d.completed_at))::float8 * 1000 as ms
      from flow_child c join job_done d on d.id = c.job where c.flow_job = ${id} and c.leaf <> 'big'`);
    return ms;
  };
  const plain = await timed(steps);
  const beside = await timed([big, ...steps]);
  console.log(`10 steps ${plain.toFixed(1)} ms, behind 5 MB ${beside.toFixed(1)} ms`);
  expect(beside).toBeLessThan(plain * 2 + 40);
});
