import { newJobId } from "@towermill/queue";
import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const echo = "export function main(x: unknown) { return x }";

test("a flow that is pushed under the id of one that runs neither begins nor changes it, and reads no secret", async () => {
  const value = await world.vault.encrypt("admins", "hunter2-hunter2");
  await world.db.execute(
    sql`insert into variable (workspace_id, path, value, is_secret) values ('admins', 'u/alice/secret', ${value}, true)`,
  );
  const id = newJobId();
  const slow = "export async function main() { await new Promise((resolve) => setTimeout(resolve, 300)); return 1 }";
  const own = { modules: [code("a", slow), code("b", echo, { x: "flow_input.x" })] };
  const other = { modules: [code("a", echo, { x: "variable('u/alice/secret') + flow_input.x" })] };
  await world.start(own, { x: "own" }, { id });
  for (let tries = 0; tries < 3; tries += 1)
    await expect(world.start(other, { x: "other" }, { id })).rejects.toMatchObject({ code: "already_exists" });
  expect(await world.ended(id)).toMatchObject({ status: "success", result: "own" });
  // and when it has ended
  await expect(world.start(other, { x: "other" }, { id })).rejects.toMatchObject({ code: "already_exists" });
  expect(await world.ended(id)).toMatchObject({ status: "success", result: "own" });
  expect(await world.db.one(sql`select count(*)::int as steps from job where parent_job = ${id}`)).toEqual({
    steps: 2,
  });
  expect(await world.db.query(sql`select from audit`)).toEqual([]);
});

test("an expression that looks at the clock does so when the step before it has ended", async () => {
  const late =
    "export async function main() { await new Promise((resolve) => setTimeout(resolve, 20)); return Date.now() }";
  const steps = ["a", "b", "c"];
  const modules = steps.flatMap((step) => [code(step, late), code(`after_${step}`, echo, { x: "Date.now()" })]);
  const ran = await world.run({ modules });
  expect(ran.status).toBe("success");
  const rows = await world.db.query<{ step: string; at: number }>(
    sql`select j.flow_step_id as step, d.result::text::float8 as at from job j join job_done d using (id)
      where j.parent_job = ${ran.id}`,
  );
  const moments = new Map(rows.map(({ step, at }) => [step, at]));
  for (const step of steps) expect(moments.get(`after_${step}`)).toBeGreaterThanOrEqual(moments.get(step) ?? Infinity);
});

test("what a step says of itself counts, whatever was foreseen of it", async () => {
  const fails = `export function main(x: number) { if (x === 2) throw new Error("two"); return x }`;
  const loop = (fields: object): object => ({
    modules: [
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: { type: "static", value: [1, 2, 3] },
          skip_failures: false,
          parallel: false,
          modules: [{ ...code("s", fails, { x: "flow_input.iter.value" }) }],
          ...fields,
        },
      },
    ],
  });
  for (let times = 0; times < 3; times += 1) {
    expect((await world.run(loop({}))).status).toBe("failure");
    expect((await world.run(loop({ skip_failures: true }))).result).toMatchObject([
      1,
      { error: { message: "two" } },
      3,
    ]);
  }
});
