import { describe, expect, test } from "vitest";
import { Driver, loop, script, type Setting } from "./driver.fixture.ts";
import type { FlowModule } from "./flow-value.ts";

const boom = { success: false, result: { error: { message: "boom" } } };
const exprs: Setting["exprs"] = { yes: () => true, no: () => 0 };
const names: NonNullable<Setting["runs"]> = ({ step }) => ({ result: step });

function branchOne(
  branches: [string, FlowModule[]][],
  otherwise: FlowModule[],
  options: Partial<FlowModule> = {},
): FlowModule {
  const value = { branches: branches.map(([expr, modules]) => ({ expr, modules })), default: otherwise };
  return { id: "b", value: { type: "branchone", ...value }, ...options };
}

function branchAll(
  branches: (FlowModule[] | { modules: FlowModule[]; skip_failure: boolean })[],
  parallel?: boolean,
): FlowModule {
  const all = branches.map((branch) => (Array.isArray(branch) ? { modules: branch } : branch));
  return { id: "b", value: { type: "branchall", branches: all, ...(parallel !== undefined && { parallel }) } };
}

describe("branchone", () => {
  test("takes the first branch that is true", () => {
    const module = branchOne(
      [
        ["no", [script("p")]],
        ["yes", [script("q")]],
        ["bad", [script("r")]],
      ],
      [script("d")],
    );
    const driver = new Driver({ flow: { modules: [module] }, exprs, runs: names });
    expect(driver.status.modules[0]).toMatchObject({
      type: "InProgress",
      branch_chosen: { type: "branch", branch: 1 },
    });
    expect(driver.drain().end).toMatchObject({ status: "success", value: "q" });
    expect(driver.shown()["modules"]).toMatchObject([{ branch_chosen: { type: "branch", branch: 1 } }]);
  });

  test("takes the default when none is true, or there is none", () => {
    for (const branches of [[["no", [script("p")]]], []] as [string, FlowModule[]][][]) {
      const flow = { modules: [branchOne(branches, [script("d")])] };
      const driver = new Driver({ flow, exprs, runs: names }).drain();
      expect(driver.end?.value).toBe("d");
      expect(driver.status.modules[0]).toMatchObject({ branch_chosen: { type: "default" } });
    }
  });

  test("passes on what came before where the branch is empty", () => {
    const driver = new Driver({
      flow: { modules: [script("a"), branchOne([["yes", []]], [])] },
      exprs,
      runs: names,
    }).drain();
    expect(driver.end?.value).toBe("a");
    expect(driver.status.modules[1]).toMatchObject({ branch_chosen: { type: "branch", branch: 0 } });
    expect(new Driver({ flow: { modules: [branchOne([], [])] }, args: { a: 1 } }).end?.value).toEqual({ a: 1 });
  });

  test("fails as a step when a predicate throws: no branch is taken, the handler runs", () => {
    const module = branchOne([["bad", [script("p")]]], [script("d")], { retry: { constant: { attempts: 3 } } });
    const flow = { modules: [module], failure_module: script("failure") };
    const driver = new Driver({ flow, exprs, runs: names }).drain();
    expect(driver.calls.map(({ step }) => step)).toEqual(["failure"]);
    const going = new Driver({ flow: { modules: [branchOne([["bad", []]], [], { continue_on_error: true })] }, exprs });
    expect(going.end).toMatchObject({ status: "success", value: { error: { message: /Branch predicate of step b/ } } });
  });

  test("that stops inside stops the flow around it, and a loop around that", () => {
    const stopping = branchOne([["yes", [script("p", { stop_after_if: { expr: "yes" } }), script("q")]]], []);
    const driver = new Driver({ flow: { modules: [stopping, script("z")] }, exprs, runs: names }).drain();
    expect(driver.end).toMatchObject({ status: "success", value: "p", stopped: { skip: false } });
    const looped = new Driver({
      flow: { modules: [loop("l", [1, 2], [stopping]), script("z")] },
      exprs,
      runs: names,
    }).drain();
    expect(looped.calls.map(({ step }) => step)).toEqual(["p", "z"]);
  });

  test("is retried with a new branch job", () => {
    const module = branchOne([["yes", [script("p")]]], [], { retry: { constant: { attempts: 1 } } });
    let runs = 0;
    const driver = new Driver({
      flow: { modules: [module] },
      exprs,
      runs: () => (runs++ === 0 ? boom : { result: "p" }),
    }).drain();
    expect(driver.end?.value).toBe("p");
  });
});

describe.each([
  ["side by side", undefined],
  ["one by one", false],
])("branchall, %s", (_, parallel) => {
  test("gives an array in the order of the branches", () => {
    const module = branchAll([[script("p")], [], [script("q"), script("r")]], parallel);
    const driver = new Driver({ flow: { modules: [module] }, args: { x: 1 }, runs: names });
    expect(driver.waiting.length).toBe(parallel === false ? 1 : 2);
    expect(driver.drain((count) => count - 1).end).toMatchObject({ status: "success", value: ["p", { x: 1 }, "r"] });
    expect(driver.shown()["modules"]).toMatchObject([{ type: "Success", flow_jobs_success: [true, true, true] }]);
  });

  test("without branches, or only with empty ones, is over at once", () => {
    expect(new Driver({ flow: { modules: [branchAll([], parallel)] } }).end?.value).toEqual([]);
    expect(new Driver({ flow: { modules: [branchAll([[], []], parallel)] } }).end?.value).toEqual([{}, {}]);
  });

  test("may do without a branch", () => {
    const skipping = { modules: [script("p")], skip_failure: true };
    const runs: Setting["runs"] = ({ step }) => (step === "p" ? boom : { result: step });
    const flow = { modules: [branchAll([skipping, [script("q")]], parallel)] };
    expect(new Driver({ flow, runs }).drain().end).toMatchObject({ status: "success", value: [boom.result, "q"] });
  });

  test("fails with a branch that it may not do without", () => {
    const runs: Setting["runs"] = ({ step }) => (step === "p" ? boom : { result: step });
    const flow = { modules: [branchAll([[script("p")], [script("q")]], parallel)] };
    const driver = new Driver({ flow, runs }).drain();
    expect(driver.end?.status).toBe("failure");
    expect(driver.end?.value).toEqual(parallel === false ? [boom.result] : [boom.result, "q"]);
  });
});

describe("branchall", () => {
  const stopping = [script("p", { stop_after_if: { expr: "yes", skip_if_stopped: true } }), script("q")];
  test("one by one stops the flow when a branch stops", () => {
    const flow = { modules: [branchAll([stopping, [script("r")]], false), script("z")] };
    const driver = new Driver({ flow, exprs, runs: names }).drain();
    expect(driver.end).toMatchObject({ status: "skipped", value: ["p"] });
  });
  test("side by side keeps a stop to the branch", () => {
    const flow = { modules: [branchAll([stopping, [script("r")]]), script("z")] };
    expect(new Driver({ flow, exprs, runs: names }).drain().end).toMatchObject({ status: "success", value: "z" });
  });
  test("runs one by one on one worker, and tells where it is", () => {
    const flow = { modules: [branchAll([[script("p")], [script("q")]])], same_worker: true };
    const driver = new Driver({ flow, runs: names });
    expect(driver.waiting.length).toBe(1);
    driver.runOne();
    expect(driver.status.modules[0]).toMatchObject({ branchall: { branch: 1, len: 2 } });
    expect(driver.shown()["modules"]).toMatchObject([
      { type: "InProgress", branchall: { branch: 1, len: 2 }, flow_jobs_success: [true, null], parallel: false },
    ]);
  });
});
