import { expect, test } from "vitest";
import { code, expressions, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const double = "export function main(n: number) { return n * 2 }";
const fail = (message: string): string => `export function main() { throw new Error("${message}") }`;
const js = (expr: string): object => ({ type: "javascript", expr });
const loop = (id: string, iterator: string, modules: object[], more: object = {}): object => ({
  id,
  value: { type: "forloopflow", iterator: js(iterator), modules, skip_failures: false, ...more },
});
const identity = (id: string): object => ({ id, value: { type: "identity" } });

test("a sequential loop gives the results of its iterations in order", async () => {
  const ran = await world.run({ modules: [loop("l", "[1,2,3]", [code("d", double, { n: "flow_input.iter.value" })])] });
  expect(ran).toMatchObject({ status: "success", result: [2, 4, 6] });
  expect(ran.flow.modules[0]).toMatchObject({ type: "Success", flow_jobs_success: [true, true, true] });
  expect(ran.flow.modules[0]?.["flow_jobs"]).toHaveLength(3);
});

test("a body of several steps is a flow of its own, and sees iter, the flow's arguments and the step before", async () => {
  const ran = await world.run(
    {
      modules: [
        loop("l", "flow_input.items", [
          code("d", double, { n: "flow_input.iter.value + flow_input.offset" }),
          code("e", "export function main(a: number, b: number, i: number) { return [a, b, i] }", {
            a: "results.d",
            b: "previous_result",
            i: "flow_input.iter.index",
          }),
        ]),
      ],
    },
    { items: [1, 2], offset: 10 },
  );
  expect(ran).toMatchObject({
    status: "success",
    result: [
      [22, 22, 0],
      [24, 24, 1],
    ],
  });
});

test("a parallel loop gives its results in the order of its items, also when one fails", async () => {
  const body = [code("d", double, { n: "flow_input.iter.value" })];
  const ran = await world.run({ modules: [loop("l", "[1,2,3,4,5,6,7]", body, { parallel: true, parallelism: 3 })] });
  expect(ran).toMatchObject({ status: "success", result: [2, 4, 6, 8, 10, 12, 14] });
  const some = code("d", "export function main(n: number) { if (n === 2) throw new Error('two'); return n }", {
    n: "flow_input.iter.value",
  });
  const failed = await world.run({ modules: [loop("l", "[1,2,3]", [some], { parallel: true })] });
  expect(failed).toMatchObject({ status: "failure", result: [1, { error: { message: "two" } }, 3] });
  expect(failed.flow.modules[0]).toMatchObject({ type: "Failure", flow_jobs_success: [true, false, true] });
  const skipped = await world.run({ modules: [loop("l", "[1,2,3]", [some], { parallel: true, skip_failures: true })] });
  expect(skipped).toMatchObject({ status: "success", result: [1, { error: { message: "two" } }, 3] });
});

test("parallel iterations of several steps see their own siblings only", async () => {
  const ran = await world.run({
    modules: [
      loop("l", "[1,2,3]", [code("d", double, { n: "flow_input.iter.value" }), code("e", double, { n: "results.d" })], {
        parallel: true,
      }),
      code("f", "export function main(x: unknown) { return x }", { x: "results.d" }),
    ],
  });
  expect(ran).toMatchObject({ status: "success", result: null });
  const { result } = await world.run({
    modules: [
      loop("l", "[1,2,3]", [code("d", double, { n: "flow_input.iter.value" }), code("e", double, { n: "results.d" })], {
        parallel: true,
      }),
    ],
  });
  expect(result).toEqual([4, 8, 12]);
});

test("what an iterator gives must be an array, and an empty one gives an empty array", async () => {
  const bad = await world.run({ modules: [loop("l", "5", [identity("i")])] });
  expect(bad.status).toBe("failure");
  expect(JSON.stringify(bad.result)).toContain("Expected an array value in the iterator expression");
  expect(await world.run({ modules: [loop("l", "[]", [identity("i")])] })).toMatchObject({
    status: "success",
    result: [],
  });
});

test("nested loops know the outer item as iter_parent", async () => {
  const inner = loop("in", "[1,2]", [
    code("d", "export function main(a: number, b: number) { return a * 10 + b }", {
      a: "flow_input.iter_parent.value",
      b: "flow_input.iter.value",
    }),
  ]);
  const ran = await world.run({ modules: [loop("out", "[5,6]", [inner])] });
  expect(ran).toMatchObject({
    status: "success",
    result: [
      [51, 52],
      [61, 62],
    ],
  });
});

test("a while loop reads its own last value and stops by its rule", async () => {
  const step = code("n", "export function main(n: number) { return (n ?? 0) + 1 }", { n: "results.n" });
  const ran = await world.run({
    modules: [
      {
        id: "w",
        value: { type: "whileloopflow", modules: [step] },
        stop_after_if: { expr: "result >= 4", skip_if_stopped: false },
      },
    ],
  });
  expect(ran).toMatchObject({ status: "success", result: [1, 2, 3, 4] });
});

test("the first branch whose predicate holds is taken, else the default, and outer steps see what ran inside", async () => {
  const flow = {
    modules: [
      {
        id: "b",
        value: {
          type: "branchone",
          branches: [
            { expr: "flow_input.x > 10", modules: [code("big", "export function main() { return 'big' }")] },
            { expr: "flow_input.x > 5", modules: [code("mid", "export function main() { return 'mid' }")] },
          ],
          default: [code("small", "export function main() { return 'small' }")],
        },
      },
      code("c", "export function main(b: string, mid: string) { return [b, mid] }", {
        b: "results.b",
        mid: "results.mid",
      }),
    ],
  };
  expect((await world.run(flow, { x: 20 })).result).toEqual(["big", null]);
  const middle = await world.run(flow, { x: 7 });
  expect(middle.result).toEqual(["mid", "mid"]);
  expect(middle.flow.modules[0]).toMatchObject({ type: "Success", branch_chosen: { type: "branch", branch: 1 } });
  const small = await world.run(flow, { x: 1 });
  expect(small.flow.modules[0]).toMatchObject({ branch_chosen: { type: "default" } });
});

test("all branches run, side by side or in order, and one may be allowed to fail", async () => {
  const branches = (parallel: boolean, skip: boolean): object => ({
    modules: [
      {
        id: "b",
        value: {
          type: "branchall",
          parallel,
          branches: [
            { modules: [code("x", double, { n: "flow_input.n" })] },
            { skip_failure: skip, modules: [code("y", fail("y"))] },
            { modules: [] },
          ],
        },
      },
    ],
  });
  for (const parallel of [true, false]) {
    const ran = await world.run(branches(parallel, true), { n: 4 });
    expect(ran).toMatchObject({ status: "success", result: [8, { error: { message: "y" } }, { n: 4 }] });
    expect((await world.run(branches(parallel, false), { n: 4 })).status).toBe("failure");
  }
});

test("a flow step runs a deployed flow with arguments of its own, whose inner steps nobody sees", async () => {
  await world.deploy("u/alice/inner", { modules: [code("deep", double, { n: "flow_input.n" })] });
  const step = {
    id: "f",
    value: { type: "flow", path: "u/alice/inner", input_transforms: expressions({ n: "flow_input.x" }) },
  };
  const ran = await world.run(
    {
      modules: [
        step,
        code("g", "export function main(f: number, d: unknown) { return { f, d } }", {
          f: "results.f",
          d: "results.deep",
        }),
      ],
    },
    { x: 21 },
  );
  expect(ran).toMatchObject({ status: "success", result: { f: 42, d: null } });
  const missing = await world.run({
    modules: [{ id: "f", value: { type: "flow", path: "u/alice/none", input_transforms: {} } }],
  });
  expect(missing.status).toBe("failure");
  expect(JSON.stringify(missing.result)).toContain("u/alice/none");
});
