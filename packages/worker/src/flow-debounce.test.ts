import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const debounced = (more: object = {}): object => ({
  modules: [],
  debounce_delay_s: 1,
  debounce_key: "k",
  debounce_args_to_accumulate: ["ids"],
  ...more,
});

test("runs of a key that follow each other closely become one, with their lists put together", async () => {
  const first = await world.start(debounced(), { ids: [1], x: "a" });
  const second = await world.start(debounced(), { ids: [2, 3], x: "b" });
  const third = await world.start(debounced(), { ids: [], x: "c" });
  expect(await world.ended(third)).toMatchObject({ status: "success", result: { ids: [1, 2, 3], x: "c" } });
  for (const [id, by] of [
    [first, second],
    [second, third],
  ]) {
    const row = await world.db.one<{ status: string; result: string }>(
      sql`select status, result from job_done where id = ${id}`,
    );
    expect(row).toEqual({ status: "skipped", result: JSON.stringify({ debounced_by: by }).replace(":", " : ") });
  }
});

test("a run that was put off often enough runs at once", async () => {
  const value = debounced({ debounce_delay_s: 60, debounce_key: "often", max_total_debounces_amount: 1 });
  await world.start(value, { ids: [1] });
  await world.start(value, { ids: [2] });
  const last = await world.start(value, { ids: [3] });
  expect(await world.ended(last)).toMatchObject({ status: "success", result: { ids: [1, 2, 3] } });
});
