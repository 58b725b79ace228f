import { describe, expect, test } from "vitest";
import { bodyFlow, preprocessorId, readFlow, simpleStep } from "./body.ts";
import { childId } from "./child-id.ts";
import { loop, script } from "./driver.fixture.ts";
import type { FlowModule, FlowValue } from "./flow-value.ts";
import { withIter } from "./iter.ts";
import { addToRanges, countOf, isInRanges } from "./range.ts";
import { tagOfStep } from "./tag.ts";

const branches: FlowModule[] = [
  {
    id: "one",
    value: { type: "branchone", branches: [{ expr: "x", modules: [script("p")] }], default: [script("d")] },
  },
  {
    id: "all",
    value: { type: "branchall", branches: [{ modules: [script("q", { sleep: { type: "static", value: 1 } })] }] },
  },
  loop("l", [], [script("r")], { priority: 9 }),
  { id: "w", value: { type: "whileloopflow", modules: [script("s")] } },
  script("plain"),
];

describe("the flow of a body", () => {
  const flow: FlowValue = {
    modules: branches,
    flow_env: { a: 1 },
    failure_module: script("h"),
    skip_expr: "x",
    priority: 2,
  };
  test("has the body's modules and what it inherits", () => {
    const ids = (step: string, body: { branch: number } | { iteration: number }): string[] =>
      bodyFlow(
        flow,
        "branch" in body
          ? { step, kind: "branch", branch: body.branch }
          : { step, kind: "loop", iteration: body.iteration },
      ).modules.map(({ id }) => id);
    expect(ids("one", { branch: 0 })).toEqual(["p"]);
    expect(ids("one", { branch: -1 })).toEqual(["d"]);
    expect(ids("all", { branch: 0 })).toEqual(["q", "q-v"]);
    expect(ids("l", { iteration: 3 })).toEqual(["r"]);
    expect(ids("w", { iteration: 0 })).toEqual(["s"]);
    const iteration = bodyFlow(flow, { step: "l", kind: "loop", iteration: 3 });
    expect(iteration).toMatchObject({ flow_env: { a: 1 }, priority: 9, failure_module: { id: "h-2-3" } });
    expect(iteration).not.toHaveProperty("skip_expr");
    expect(bodyFlow(flow, { step: "all", kind: "branch", branch: 0 }).priority).toBe(2);
  });
  test("is refused where there is none", () => {
    for (const [step, kind] of [
      ["x", "loop"],
      ["plain", "loop"],
      ["plain", "branch"],
      ["one", "loop"],
      ["l", "branch"],
    ] as const)
      expect(() => bodyFlow(flow, kind === "loop" ? { step, kind, iteration: 0 } : { step, kind, branch: 0 })).toThrow(
        RangeError,
      );
    expect(() => bodyFlow(flow, { step: "one", kind: "branch", branch: 7 })).toThrow(/no step one with a branch 7/);
  });
});

test("modules without an id get one", () => {
  expect(preprocessorId({ modules: [], preprocessor_module: script("") })).toBe("preprocessor");
  expect(preprocessorId({ modules: [], preprocessor_module: script("pre") })).toBe("pre");
  expect(readFlow({ modules: [script("a"), script("")] }).modules.map(({ id }) => id)).toEqual(["a", "step_1"]);
});

test("a body is simple when nobody can tell it from its step", () => {
  const simple = (modules: FlowModule[], flow: Partial<FlowValue> = {}): boolean =>
    simpleStep({ modules: [], ...flow }, loop("l", [], modules).value) !== null;
  expect(simple([script("a")])).toBe(true);
  expect(simple([{ id: "a", value: { type: "script", path: "f/x" } }])).toBe(true);
  expect(simple([{ id: "a", value: { type: "flow", path: "f/x" } }])).toBe(false);
  expect(simple([])).toBe(false);
  expect(simpleStep({ modules: [] }, { type: "identity" })).toBeNull();
  expect(simple([script("a"), script("b")])).toBe(false);
  expect(simple([script("a", { retry: {} })])).toBe(false);
  expect(simple([script("a", { continue_on_error: true })])).toBe(false);
  expect(simple([script("a", { mock: { enabled: true } })])).toBe(false);
  expect(simple([script("a", { mock: { enabled: false } })])).toBe(true);
  expect(simple([script("a")], { failure_module: script("f") })).toBe(false);
  expect(simple([script("a")], { early_return: "a" })).toBe(false);
});

test("ids of children follow from their place and sort by time and index", () => {
  const key = { flowJob: "f", step: "s", iteration: 1, attempt: 0, at: 1_700_000_000_000 };
  expect(childId(key)).toBe(childId({ ...key }));
  expect(childId(key)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(childId(key) < childId({ ...key, iteration: 2 })).toBe(true);
  expect(childId({ ...key, iteration: 2 }) < childId({ ...key, at: key.at + 1 })).toBe(true);
  expect(new Set([childId(key), childId({ ...key, attempt: 1 }), childId({ ...key, step: "t" })]).size).toBe(3);
});

test("ranges grow together", () => {
  const ranges = [5, 1, 3, 2, 9, 0].reduce<[number, number][]>((all, value) => addToRanges(all, value), []);
  expect(ranges).toEqual([
    [0, 3],
    [5, 5],
    [9, 9],
  ]);
  expect(countOf(ranges)).toBe(6);
  expect([isInRanges(ranges, 2), isInRanges(ranges, 4), isInRanges(ranges, 9)]).toEqual([true, false, true]);
});

test("iter moves outwards", () => {
  expect(withIter({ a: 1 }, { index: 0, value: "x" })).toEqual({ a: 1, iter: { index: 0, value: "x" } });
  const twice = withIter(withIter(withIter({}, { index: 0, value: 0 }), { index: 1, value: 1 }), {
    index: 2,
    value: 2,
  });
  expect(twice).toMatchObject({ iter: { index: 2 }, iter_parent: { index: 1 }, iter_parent_parent: { index: 0 } });
});

test("a step's tag is the flow's, unless that is the common one or the step's is preserved", () => {
  const module: FlowModule = { id: "a", value: { type: "rawscript", content: "", language: "bun", tag: "gpu" } };
  const byPath: FlowModule = { id: "a", value: { type: "script", path: "f/x", tag_override: "big" } };
  const plain: FlowModule = { id: "a", value: { type: "flow", path: "f/x" } };
  const common = { module, flowTag: "flow", workspace: "w", preprocessor: false };
  const flow = { modules: [] };
  expect(tagOfStep(flow, common)).toBe("gpu");
  expect(tagOfStep(flow, { ...common, module: byPath, flowTag: "flow-w" })).toBe("big");
  expect(tagOfStep(flow, { ...common, module: plain })).toBeNull();
  expect(tagOfStep(flow, { ...common, flowTag: "x" })).toBe("x");
  expect(tagOfStep(flow, { ...common, flowTag: "x", preprocessor: true })).toBe("gpu");
  expect(tagOfStep({ ...flow, preserve_step_tags: true }, { ...common, flowTag: "x" })).toBe("gpu");
  expect(tagOfStep({ ...flow, preserve_step_tags: true }, { ...common, flowTag: "x", module: plain })).toBe("x");
});
