import { describe, expect, test } from "vitest";
import { readFlow } from "./body.ts";
import { Driver, loop, script, type Expressions, type Setting } from "./driver.fixture.ts";
import type { FlowModule, FlowValue } from "./flow-value.ts";
import { restartStatus } from "./restart.ts";
import type { RestartTarget } from "./status.ts";

const iter: Expressions = {
  iter: ({ flow_input }) => flow_input["iter"],
  yes: () => true,
  prev: ({ result }) => result,
};
const runs: NonNullable<Setting["runs"]> = ({ step, args }) => ({ result: [step, ...Object.values(args)] });
const two = [script("p", {}, { x: "iter" }), script("q")];

function restart(modules: FlowModule[], path: RestartTarget[], before?: Driver): Driver | string {
  const flow: FlowValue = { modules };
  const first = before ?? new Driver({ flow, exprs: iter, runs }).drain();
  const run = { job: first.root, status: first.status, children: first.flow().children };
  const restarted = restartStatus({ flow: readFlow(flow), run, path, flowVersion: 5 });
  if ("problem" in restarted) return restarted.problem;
  return new Driver({ flow, exprs: iter, runs, status: restarted.status, before: first }).drain();
}

function ran(driver: Driver | string): string[] {
  if (typeof driver === "string") throw new Error(driver);
  return driver.calls.map(({ step }) => step);
}

describe("a restart", () => {
  test("keeps the steps before, with the jobs they had, and runs the rest anew", () => {
    const modules = [script("a"), loop("l", [1, 2], [script("p")]), script("b", {}, { all: "prev" })];
    const driver = restart(modules, [{ step_id: "b" }]);
    expect(ran(driver)).toEqual(["b"]);
    if (typeof driver === "string") return;
    expect(driver.calls[0]?.args).toEqual({ all: [["p"], ["p"]] });
    expect(driver.status).toMatchObject({
      restarted_from: { step_id: "b", flow_version: 5 },
      modules: [{ type: "Success" }, { type: "Success", children: 2 }, { type: "Success" }],
    });
    expect(driver.shown()["modules"]).toMatchObject([{}, { flow_jobs: [{}, {}].map(() => expect.any(String)) }, {}]);
  });

  test("passes no gate and no sleep before its step again, but those behind it", () => {
    const modules = [
      script("a", { suspend: { required_events: 1 }, sleep: { type: "static", value: 9 } }),
      script("b", { sleep: { type: "static", value: 9 } }),
      script("c"),
    ];
    const first = new Driver({ flow: { modules }, runs });
    const job = first.waiting[0]?.push.child.job ?? "";
    first.send({ type: "resume", at: first.now, job, resume_id: 1, approver: null, approved: true });
    first.drain();
    const driver = restart(modules, [{ step_id: "b" }], first);
    expect(ran(driver)).toEqual(["b", "c"]);
    if (typeof driver === "string") return;
    const delays = driver.effects.flatMap((effect) => (effect.kind === "push" ? [effect.scheduledFor !== null] : []));
    expect(delays).toEqual([false, true]);
  });

  test.each([
    ["one simple step", [script("p", {}, { x: "iter" })], ["p", "p"]],
    ["several steps", two, ["p", "q", "p", "q"]],
  ])("takes up a loop over %s at an iteration", (_, modules, steps) => {
    const driver = restart([loop("l", [1, 2, 3], modules)], [{ step_id: "l", branch_or_iteration_n: 1 }]);
    expect(ran(driver)).toEqual(steps);
    if (typeof driver === "string") return;
    expect(driver.end).toMatchObject({ status: "success" });
    expect(driver.end?.value).toHaveLength(3);
    expect(ran(restart([loop("l", [1, 2], modules)], [{ step_id: "l" }])).length).toBe(modules.length * 2);
  });

  test("behind the last iteration of a loop only ends it", () => {
    const driver = restart([loop("l", [1, 2], two), script("z")], [{ step_id: "l", branch_or_iteration_n: 2 }]);
    expect(ran(driver)).toEqual(["z"]);
  });

  test("takes up a while loop at an iteration", () => {
    const exprs = { ...iter, third: ({ flow_input }: { flow_input: unknown }) => flow_input !== null };
    const modules: FlowModule[] = [
      { id: "w", value: { type: "whileloopflow", modules: two }, stop_after_if: { expr: "third" } },
    ];
    const first = new Driver({ flow: { modules }, exprs, runs }).drain();
    const run = { job: first.root, status: first.status, children: first.flow().children };
    const restarted = restartStatus({ flow: { modules }, run, path: [{ step_id: "w", branch_or_iteration_n: 1 }] });
    if ("problem" in restarted) throw new Error(restarted.problem);
    expect(restarted.status.restarted_from).toEqual({
      flow_job_id: first.root,
      step_id: "w",
      branch_or_iteration_n: 1,
    });
    const driver = new Driver({ flow: { modules }, exprs, runs, status: restarted.status, before: first }).drain();
    expect(ran(driver)).toEqual(["p", "q"]);
    expect(driver.end?.value).toHaveLength(2);
  });

  test("goes on inside an iteration, a branch, a chosen branch", () => {
    const inLoop = restart([loop("l", [1, 2], two)], [{ step_id: "l", branch_or_iteration_n: 1 }, { step_id: "q" }]);
    expect(ran(inLoop)).toEqual(["q"]);
    const all: FlowModule = {
      id: "b",
      value: {
        type: "branchall",
        parallel: false,
        branches: [{ modules: two }, { modules: [script("r"), script("s")] }],
      },
    };
    expect(ran(restart([all], [{ step_id: "b", branch_or_iteration_n: 1 }, { step_id: "s" }]))).toEqual(["s"]);
    expect(ran(restart([all], [{ step_id: "b" }, { step_id: "q" }]))).toEqual(["q", "r", "s"]);
    const branches = [{ expr: "yes", modules: two }];
    const one: FlowModule = { id: "b", value: { type: "branchone", branches, default: [] } };
    expect(ran(restart([one], [{ step_id: "b" }, { step_id: "q" }]))).toEqual(["q"]);
    const otherwise: FlowModule = { id: "b", value: { type: "branchone", branches: [], default: two } };
    expect(ran(restart([otherwise], [{ step_id: "b" }, { step_id: "q" }]))).toEqual(["q"]);
  });

  test("goes on inside another flow", () => {
    const modules: FlowModule[] = [{ id: "f", value: { type: "flow", path: "f/x" } }];
    const driver = restart(modules, [{ step_id: "f" }, { step_id: "q" }]);
    if (typeof driver === "string") throw new Error(driver);
    const [push] = driver.effects;
    expect(push).toMatchObject({ payload: { kind: "flow", restart: { path: [{ step_id: "q" }] } } });
  });

  test("keeps a failed step that the flow went on after", () => {
    const modules = [script("a", { continue_on_error: true }), script("b")];
    const before = new Driver({ flow: { modules }, runs: ({ step }) => ({ success: step === "b" }) }).drain();
    expect(ran(restart(modules, [{ step_id: "b" }], before))).toEqual(["b"]);
  });
});

describe("a restart is refused", () => {
  const parallel = loop("l", [1, 2], two, { loop: { parallel: true } });
  const parallelAll: FlowModule = { id: "l", value: { type: "branchall", branches: [{ modules: two }] } };
  test.each<[string, FlowModule[], RestartTarget[], RegExp]>([
    ["without a step", [script("a")], [], /Name the step/],
    ["from an unknown step", [script("a")], [{ step_id: "x" }], /x could not be found/],
    ["at an iteration of a plain step", [script("a")], [{ step_id: "a", branch_or_iteration_n: 1 }], /no iterations/],
    ["at an iteration of a parallel loop", [parallel], [{ step_id: "l", branch_or_iteration_n: 1 }], /parallel/],
    ["inside a parallel loop", [parallel], [{ step_id: "l" }, { step_id: "p" }], /parallel/],
    ["inside a parallel branchall", [parallelAll], [{ step_id: "l" }, { step_id: "p" }], /parallel/],
    [
      "at an iteration that was not",
      [loop("l", [1], two)],
      [{ step_id: "l", branch_or_iteration_n: 2 }],
      /no iteration/,
    ],
    [
      "inside an iteration that was not",
      [loop("l", [1], two)],
      [{ step_id: "l", branch_or_iteration_n: 1 }, { step_id: "p" }],
      /no iteration or branch 1/,
    ],
    ["inside a plain step", [script("a")], [{ step_id: "a" }, { step_id: "b" }], /no steps inside/],
    [
      "at an iteration of a skipped loop",
      [loop("l", [1], two, { skip_if: { expr: "yes" } })],
      [{ step_id: "l", branch_or_iteration_n: 1 }],
      /no iteration/,
    ],
  ])("%s", (_, modules, path, problem) => {
    expect(restart(modules, path)).toMatch(problem);
  });

  test("after a step that failed or did not run", () => {
    const modules = [script("a"), script("b"), script("c"), loop("l", [1], two)];
    const before = new Driver({ flow: { modules }, runs: () => ({ success: false }) }).drain();
    expect(restart(modules, [{ step_id: "b" }], before)).toMatch(/non successful module: step a/);
    const stopped = [script("a", { stop_after_if: { expr: "yes" } }), script("b"), loop("l", [1], two)];
    expect(restart(stopped, [{ step_id: "l" }])).toMatch(/step b/);
    const first = [loop("l", [1], two), script("b")];
    const fresh = new Driver({ flow: { modules: [script("other")] } });
    expect(restart(first, [{ step_id: "l", branch_or_iteration_n: 1 }], fresh)).toMatch(/no iteration/);
    expect(
      restart([{ id: "f", value: { type: "flow", path: "f/x" } }], [{ step_id: "f" }, { step_id: "q" }], fresh),
    ).toMatch(/did not run/);
  });
});
