import { describe, expect, test } from "vitest";
import { Driver, loop, script, type Setting } from "./driver.fixture.ts";
import type { FlowModule } from "./flow-value.ts";

const boom = { success: false, result: { error: { message: "boom" } } };
const value: NonNullable<Setting["runs"]> = ({ args }) => ({ result: (args["x"] as { value: unknown })?.value });
const iter: Setting["exprs"] = { iter: ({ flow_input }) => flow_input["iter"] };
const body = script("a", {}, { x: "iter" });
/** A body that needs a flow of its own. */
const long = [script("first"), body];
const failAt =
  (...items: unknown[]): NonNullable<Setting["runs"]> =>
  (call) =>
    items.includes((call.args["x"] as { value: unknown } | undefined)?.value) ? boom : value(call);

describe.each([
  ["one simple step", [body]],
  ["several steps", long],
])("a sequential loop over %s", (_, modules) => {
  test("runs one iteration after the other", () => {
    const driver = new Driver({ flow: { modules: [loop("l", ["p", "q", "r"], modules)] }, exprs: iter, runs: value });
    expect(driver.status.modules[0]).toMatchObject({ type: "InProgress", iterator: { index: 0, itered_len: 3 } });
    expect(driver.waiting.length).toBe(1);
    expect(driver.drain().end).toMatchObject({ status: "success", value: ["p", "q", "r"] });
    expect(driver.status.modules[0]).toMatchObject({ type: "Success", children: 3 });
  });

  test("ends at the first failure and keeps what ran", () => {
    const driver = new Driver({
      flow: { modules: [loop("l", [1, 2, 3], modules)] },
      exprs: iter,
      runs: failAt(2),
    }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: [1, boom.result] });
    expect(driver.shown()["modules"]).toMatchObject([{ type: "Failure", flow_jobs_success: [true, false] }]);
  });

  test("goes on after failures when it may", () => {
    const modulesOf = [loop("l", [1, 2, 3], modules, { loop: { skip_failures: true } })];
    const driver = new Driver({ flow: { modules: modulesOf }, exprs: iter, runs: failAt(1, 3) }).drain();
    expect(driver.end).toMatchObject({ status: "success", value: [boom.result, 2, boom.result] });
  });

  test("breaks when stop_after_if comes true, and the flow goes on", () => {
    const exprs = { ...iter, two: ({ result }: { result: unknown }) => result === 2 };
    const flow = { modules: [loop("l", [1, 2, 3], modules, { stop_after_if: { expr: "two" } }), script("z")] };
    const driver = new Driver({ flow, exprs, runs: value }).drain();
    expect(driver.results.get(driver.flow().children[0]?.job ?? "")).toBe(1);
    expect(driver.status.modules[0]).toMatchObject({ type: "Success", children: 2 });
    expect(driver.calls.at(-1)?.step).toBe("z");
  });

  test("fails the flow when stop_after_if throws", () => {
    const flow = { modules: [loop("l", [1, 2], modules, { stop_after_if: { expr: "bad" } })] };
    const driver = new Driver({ flow, exprs: iter, runs: value }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: { error: { message: /stop_after_if of step l/ } } });
  });

  test("asks stop_after_all_iters_if with all results", () => {
    const exprs = { ...iter, all: ({ result }: { result: unknown }) => JSON.stringify(result) === "[1,2]" };
    const rule = { expr: "all", skip_if_stopped: true };
    const flow = { modules: [loop("l", [1, 2], modules, { stop_after_all_iters_if: rule }), script("z")] };
    const driver = new Driver({ flow, exprs, runs: value }).drain();
    expect(driver.end).toMatchObject({ status: "skipped", value: [1, 2] });
  });
});

describe("a loop", () => {
  test("that stops inside its body breaks; what stopped it is the iteration's result", () => {
    const stopping = [script("first", { stop_after_if: { expr: "second" } }, { x: "iter" }), script("never")];
    const flow = { modules: [loop("l", [1, 2, 3], stopping), script("z")] };
    const exprs = { ...iter, second: ({ result }: { result: unknown }) => result === 2 };
    const driver = new Driver({ flow, exprs, runs: value }).drain();
    expect(driver.status.modules[0]).toMatchObject({ type: "Success", children: 2 });
    expect(driver.end?.stopped).toBeNull();
    expect(driver.calls.map(({ step }) => step)).toEqual(["first", "never", "first", "z"]);
  });

  test.each([[{ a: 1 }], [3], [null], ["text"]])("over %j fails the flow", (items) => {
    const driver = new Driver({ flow: { modules: [loop("l", items, [body])] }, exprs: iter });
    expect(driver.end?.value).toMatchObject({
      error: { message: /Expected an array value in the iterator expression/ },
    });
  });

  test("whose iterator throws fails the flow", () => {
    const module: FlowModule = {
      id: "l",
      value: { type: "forloopflow", iterator: { type: "javascript", expr: "bad" }, modules: [body] },
    };
    expect(new Driver({ flow: { modules: [module] } }).end?.value).toMatchObject({
      error: { message: /Iterator of step l/ },
    });
  });

  test("over nothing, or with an empty body, gives an empty array", () => {
    expect(new Driver({ flow: { modules: [loop("l", [], [body])] } }).end?.value).toEqual([]);
    expect(new Driver({ flow: { modules: [loop("l", [1], [])] } }).end?.value).toEqual([]);
    const modules: FlowModule[] = [{ id: "w", value: { type: "whileloopflow", modules: [] } }];
    expect(new Driver({ flow: { modules } }).end?.value).toEqual([]);
  });

  test("in a loop sees both items", () => {
    const inner = loop("inner", ["x", "y"], [script("a", {}, { x: "all" })]);
    const flow = { modules: [loop("outer", [1, 2], [inner])] };
    const exprs: Setting["exprs"] = { all: ({ flow_input: { iter: i, iter_parent: p } }) => ({ value: [p, i] }) };
    const driver = new Driver({ flow, exprs, runs: value }).drain();
    const at = (index: number, item: unknown): object => ({ index, value: item });
    expect(driver.end?.value).toMatchObject([
      [
        [at(0, 1), at(0, "x")],
        [at(0, 1), at(1, "y")],
      ],
      [
        [at(1, 2), at(0, "x")],
        [at(1, 2), at(1, "y")],
      ],
    ]);
  });

  test("keeps its status small however long it runs, and its transitions alike", () => {
    const items = Array.from({ length: 5000 }, (_, index) => index);
    const driver = new Driver({ flow: { modules: [loop("l", items, [body])] }, exprs: iter });
    const sizes: number[] = [];
    const { status, run } = driver.flow();
    expect(JSON.stringify(status).length).toBeLessThan(600);
    for (let index = 0; index < 300; index++) {
      driver.runOne();
      sizes.push(JSON.stringify(driver.status).length);
    }
    expect(run.flow.modules.length).toBe(1);
    expect(Math.max(...sizes)).toBeLessThan(600);
  });
});

describe.each([
  ["one simple step", [body]],
  ["several steps", long],
])("a parallel loop over %s", (_, modules) => {
  const setting = (options: object, more: Partial<FlowModule> = {}): Setting => ({
    flow: { modules: [loop("l", [1, 2, 3, 4, 5], modules, { loop: { parallel: true, ...options }, ...more })] },
    exprs: iter,
    runs: value,
  });
  const last = (count: number): number => count - 1;

  test("begins all iterations at once and gives results by index", () => {
    const driver = new Driver(setting({}));
    expect(driver.waiting.length).toBe(5);
    expect(driver.status.modules[0]).toMatchObject({ job: driver.root, parallel: true, iterator: { index: 0 } });
    expect(driver.drain(last).end).toMatchObject({ status: "success", value: [1, 2, 3, 4, 5] });
    expect(driver.effects.filter((effect) => effect.kind === "push" && effect.ownRoot).length).toBe(5);
  });

  test.each([
    [2, 2],
    [{ type: "static", value: 3 }, 3],
    [{ type: "javascript", expr: "two" }, 2],
    [{ type: "static", value: 0 }, 1],
    [{ type: "static", value: null }, 5],
  ])("with parallelism %j has %i at a time", (parallelism, width) => {
    const { exprs, ...rest } = setting({ parallelism });
    const driver = new Driver({ ...rest, exprs: { ...exprs, two: () => 2 } });
    const seen: number[] = [];
    while (driver.waiting.length > 0) {
      seen.push(driver.waiting.length);
      driver.runOne(driver.waiting.length - 1);
    }
    expect(Math.max(...seen)).toBe(width);
    expect(driver.end?.value).toEqual([1, 2, 3, 4, 5]);
  });

  test("runs all iterations even if one fails", () => {
    const driver = new Driver({ ...setting({}), runs: failAt(2) }).drain(last);
    expect(driver.end).toMatchObject({ status: "failure", value: [1, boom.result, 3, 4, 5] });
    const skipping = new Driver({ ...setting({ skip_failures: true }), runs: failAt(2) }).drain(last);
    expect(skipping.end).toMatchObject({ status: "success", value: [1, boom.result, 3, 4, 5] });
  });

  test("does not ask stop_after_if", () => {
    expect(new Driver(setting({}, { stop_after_if: { expr: "bad" } })).drain().end?.status).toBe("success");
  });

  test("fails the flow when stop_after_all_iters_if throws", () => {
    const driver = new Driver(setting({}, { stop_after_all_iters_if: { expr: "bad" } })).drain();
    expect(driver.end?.value).toMatchObject({ error: { message: /stop_after_all_iters_if of step l/ } });
  });

  test("fails the flow when parallelism throws, or on one worker", () => {
    const bad = new Driver(setting({ parallelism: { type: "javascript", expr: "bad" } }));
    expect(bad.end?.value).toMatchObject({ error: { message: /Parallelism of step l/ } });
    const { flow, ...rest } = setting({});
    expect(new Driver({ ...rest, flow: { ...flow, same_worker: true } }).end?.status).toBe("failure");
  });

  test("counts an end only once, and none of what it did not push", () => {
    const driver = new Driver(setting({ parallelism: 2 }));
    const first = driver.flow().children[0];
    const event = {
      type: "done",
      at: driver.now,
      job: first?.job ?? "",
      step: "l",
      attempt: 0,
      success: true,
    } as const;
    expect(driver.send({ ...event, iteration: 0 })).toBe(true);
    expect(driver.send({ ...event, iteration: 0 })).toBe(false);
    expect(driver.send({ ...event, iteration: 3 })).toBe(false);
    expect(driver.send({ ...event, iteration: -1 })).toBe(false);
    expect(driver.send({ ...event, iteration: null })).toBe(false);
    expect(driver.send({ ...event, iteration: 1, attempt: 1 })).toBe(false);
  });
});

describe("a parallel loop", () => {
  test("is retried as a whole, and not at all when a worker was lost", () => {
    const options = { loop: { parallel: true }, retry: { constant: { attempts: 1 } } };
    const flow = { modules: [loop("l", [1, 2], [body], options)] };
    const retried = new Driver({ flow, exprs: iter, runs: failAt(2) }).drain();
    expect(retried.calls.length).toBe(4);
    const lost = new Driver({
      flow,
      exprs: iter,
      runs: (call) => ({ ...failAt(2)(call), unrecoverable: true }),
    }).drain();
    expect(lost.calls.length).toBe(2);
  });

  test("of 1,000 iterations in any order keeps its status small", () => {
    const items = Array.from({ length: 1000 }, (_, index) => index);
    const driver = new Driver({
      flow: { modules: [loop("l", items, [body], { loop: { parallel: true } })] },
      exprs: iter,
    });
    let size = 0;
    let random = 1;
    driver.drain((count) => {
      size = Math.max(size, JSON.stringify(driver.status).length);
      random = (random * 48271) % 2147483647;
      return random % Math.min(count, 8);
    });
    expect(driver.end?.status).toBe("success");
    expect(driver.calls.length).toBe(1000);
    expect(size).toBeLessThan(800);
  });
});

describe("a while loop", () => {
  const loopOf = (options: Partial<FlowModule> = {}, more: object = {}): FlowModule => ({
    id: "w",
    value: { type: "whileloopflow", modules: [body], ...more },
    ...options,
  });
  const exprs: Setting["exprs"] = {
    ...iter,
    third: ({ result }) => result === 2,
    three: ({ all_iters }) => Array.isArray(all_iters) && all_iters.length === 3,
  };

  test.each(["third", "three"])("runs until stop_after_if comes true (%s)", (expr) => {
    const flow = { modules: [loopOf({ stop_after_if: { expr } })] };
    const driver = new Driver({ flow, exprs, runs: value });
    expect(driver.shown()["modules"]).toMatchObject([{ while_loop: true, iterator: { index: 0 } }]);
    expect(driver.drain().end).toMatchObject({ status: "success", value: [0, 1, 2] });
  });

  test("ends with a failing iteration", () => {
    const driver = new Driver({ flow: { modules: [loopOf()] }, exprs, runs: failAt(2) }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: [0, 1, boom.result] });
  });

  test("that has no end is ended", () => {
    const driver = new Driver({ flow: { modules: [loopOf()] }, exprs, runs: value, maxIterations: 20 }).drain();
    expect(driver.end?.value).toMatchObject({ error: { name: "EndlessLoop", message: /20 iterations/ } });
    const failing = new Driver({
      flow: { modules: [loopOf({}, { skip_failures: true })] },
      exprs,
      runs: () => boom,
    }).drain();
    expect(failing.end?.value).toMatchObject({
      error: { name: "EndlessLoop", message: /1000 iterations in a row failed/ },
    });
  });
});
