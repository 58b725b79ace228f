import { describe, expect, test } from "vitest";
import { advance } from "./advance.ts";
import { Driver, script } from "./driver.fixture.ts";
import type { FlowModule, FlowValue } from "./flow-value.ts";
import { initialStatus } from "./initial-status.ts";

const boom = { success: false, result: { error: { message: "boom" } } };

describe("a sequence of steps", () => {
  test("hands each result to the next step and ends with the last", () => {
    const runs = { a: 1, b: 2 } as Record<string, number>;
    const driver = new Driver({
      flow: { modules: [script("a"), script("b", {}, { x: "result" })] },
      args: { from: "outside" },
      exprs: { result: ({ result }) => result },
      runs: ({ step, args }) => ({ result: step === "a" ? { one: runs["a"] } : args["x"] }),
    });
    expect(driver.status.modules.map(({ type }) => type)).toEqual(["WaitingForExecutor", "WaitingForPriorSteps"]);
    driver.drain();
    expect(driver.end).toMatchObject({ status: "success", value: { one: 1 } });
    expect(driver.status.step).toBe(2);
    expect(driver.status.modules.map(({ type }) => type)).toEqual(["Success", "Success"]);
  });

  test("without steps gives its arguments", () => {
    expect(new Driver({ flow: { modules: [] }, args: { a: 1 } }).end).toMatchObject({
      status: "success",
      value: { a: 1 },
    });
  });

  test("gives the first step the arguments as previous result, and identity passes on", () => {
    const flow: FlowValue = { modules: [{ id: "a", value: { type: "identity" } }] };
    const driver = new Driver({ flow, args: { a: 1 } });
    expect(driver.end).toMatchObject({ status: "success", value: { a: 1 } });
    expect(driver.waiting).toEqual([]);
  });

  test("runs many steps at once that nothing has to run for", () => {
    const modules = Array.from({ length: 5000 }, (_, i): FlowModule => ({ id: `s${i}`, value: { type: "identity" } }));
    expect(new Driver({ flow: { modules }, args: { a: 1 } }).end?.value).toEqual({ a: 1 });
  });

  test("uses a mock instead of whatever the step is", () => {
    const loop: FlowModule["value"] = { type: "whileloopflow", modules: [script("x")] };
    const modules: FlowModule[] = [
      { id: "a", value: loop, mock: { enabled: true, return_value: 7 } },
      script("b", { mock: { enabled: true } }),
      script("c", { mock: { enabled: false, return_value: 3 } }),
    ];
    const driver = new Driver({ flow: { modules }, runs: () => ({ result: "ran" }) }).drain();
    expect(driver.end?.value).toBe("ran");
    expect([...driver.results.values()]).toEqual([7, null, "ran", "ran"]);
  });

  test("passes on what came before where skip_if is true", () => {
    const driver = new Driver({
      flow: {
        modules: [
          script("a"),
          script("b", { skip_if: { expr: "yes" } }),
          script("c", { skip_if: { expr: "no" } }, { x: "r" }),
        ],
      },
      exprs: { yes: () => true, no: () => "", r: ({ result }) => result },
      runs: ({ step, args }) => ({ result: step === "a" ? 5 : args }),
    }).drain();
    expect(driver.end?.value).toEqual({ x: 5 });
    expect(driver.status.modules[1]).toMatchObject({ type: "Success", skipped: true });
    expect(driver.calls.map(({ step }) => step)).toEqual(["a", "c"]);
  });

  test("fails when skip_if throws, and the handler sees it", () => {
    const flow = {
      modules: [script("a", { skip_if: { expr: "bad" } })],
      failure_module: script("failure", {}, { e: "r" }),
    };
    const driver = new Driver({ flow, exprs: { r: ({ result }) => result } }).drain();
    expect(driver.status.modules[0]).toMatchObject({ type: "Failure", job: driver.root });
    expect(driver.calls[0]?.args).toMatchObject({
      e: { error: { message: "skip_if of step a: unknown expression bad", step_id: "a" } },
    });
    expect(driver.end?.status).toBe("failure");
  });
});

describe("options of a push", () => {
  test("come from the step, else from the flow", () => {
    const flow: FlowValue = {
      modules: [
        script("a", {
          timeout: 5,
          cache_ttl: 60,
          delete_after_use: true,
          priority: 3,
          debouncing: { debounce_delay_s: 1 },
        }),
        { id: "b", value: { type: "script", path: "f/x" }, timeout: { type: "javascript", expr: "t" } },
        { id: "c", value: { type: "flow", path: "f/y" }, delete_after_secs: 9 },
      ],
      priority: 8,
      same_worker: true,
      delete_after_secs: 100,
    };
    const pushes = new Driver({ flow }).drain().effects.filter((effect) => effect.kind === "push");
    expect(pushes).toMatchObject([
      {
        payload: { kind: "code" },
        timeout: { transform: { type: "static", value: 5 } },
        cacheTtlSeconds: 60,
        deleteAfterSeconds: 0,
        priority: 3,
        sameWorker: true,
        debouncing: { debounce_delay_s: 1 },
        ownRoot: false,
      },
      {
        payload: { kind: "script" },
        timeout: { transform: { type: "javascript" } },
        deleteAfterSeconds: 100,
        priority: 8,
        cacheTtlSeconds: null,
      },
      { payload: { kind: "flow", restart: null }, timeout: null, deleteAfterSeconds: 9, ownRoot: true },
    ]);
  });
});

test("a step may get the flow's arguments as they are, and a loop may keep its runner", () => {
  const flow: FlowValue = {
    modules: [
      script("a", { pass_flow_input_directly: true }, { x: "unused" }),
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: { type: "static", value: [1] },
          squash: true,
          modules: [{ id: "b", value: { type: "script", path: "f/x" } }],
        },
      },
    ],
  };
  const driver = new Driver({ flow, args: { q: 1 } }).drain();
  expect(driver.calls[0]?.args).toEqual({ q: 1 });
  expect(driver.calls[1]?.push).toMatchObject({ squash: true, inputs: { transforms: {} } });
});

describe("sleep", () => {
  test("delays the next step, and after the last one a step that only waits", () => {
    const flow: FlowValue = {
      modules: [
        script("a", { sleep: { type: "static", value: 1.5 } }),
        script("b", { sleep: { type: "javascript", expr: "two" } }),
      ],
    };
    const driver = new Driver({ flow, exprs: { two: () => 2 }, runs: () => ({ result: "r" }) });
    const begin = driver.now;
    driver.drain();
    expect(driver.status.modules.map(({ id }) => id)).toEqual(["a", "b", "b-v"]);
    expect(driver.now - begin).toBeGreaterThanOrEqual(3500);
    expect(driver.end?.value).toBe("r");
  });

  test.each([
    ["a text of a number", { type: "static", value: "2" }, 2000],
    ["no number", { type: "static", value: {} }, null],
    ["a text that is no number", { type: "static", value: "soon" }, null],
    ["a negative number", { type: "static", value: -3 }, null],
    ["an expression that gives no number", { type: "javascript", expr: "text" }, null],
  ] as const)("understands %s", (_, sleep, delay) => {
    const driver = new Driver({ flow: { modules: [script("a", { sleep }), script("b")] }, exprs: { text: () => "x" } });
    driver.runOne();
    expect(driver.waiting[0]?.push.scheduledFor).toBe(delay === null ? null : driver.now + delay);
  });

  test("that throws fails the flow", () => {
    const modules = [script("a", { sleep: { type: "javascript", expr: "bad" } }), script("b")];
    const driver = new Driver({ flow: { modules } }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: { error: { message: /sleep of step a/ } } });
    expect(driver.status.modules[1]?.type).toBe("Failure");
  });

  test("delays a skipped step and an empty loop as well", () => {
    const flow: FlowValue = {
      modules: [
        script("a", { sleep: { type: "static", value: 1 } }),
        script("b", { skip_if: { expr: "yes" }, sleep: { type: "static", value: 1 } }),
        { id: "c", value: { type: "forloopflow", iterator: { type: "static", value: [] }, modules: [script("x")] } },
      ],
    };
    const driver = new Driver({ flow, exprs: { yes: () => true } });
    const begin = driver.now;
    expect(driver.drain().end?.value).toEqual([]);
    expect(driver.now - begin).toBeGreaterThanOrEqual(2000);
    expect(driver.status.modules[1]).toMatchObject({ skipped: true });
    expect(driver.shown()["modules"]).toMatchObject([{}, { skipped: true }, { flow_jobs: [] }]);
  });
});

describe("skip_expr", () => {
  const flow = { modules: [script("a")], skip_expr: "skip" };
  test("ends the flow before its first step", () => {
    const driver = new Driver({ flow, exprs: { skip: () => 1 } });
    expect(driver.end).toMatchObject({ status: "skipped", value: "stopped early" });
    expect(driver.calls).toEqual([]);
  });
  test("that is false or empty lets it run", () => {
    expect(new Driver({ flow, exprs: { skip: () => 0 } }).drain().end?.status).toBe("success");
    expect(new Driver({ flow: { ...flow, skip_expr: " " } }).drain().end?.status).toBe("success");
  });
  test("that throws fails it", () => {
    expect(new Driver({ flow }).end).toMatchObject({ status: "failure", value: { error: { message: /skip_expr/ } } });
  });
});

describe("a preprocessor", () => {
  const flow: FlowValue = { modules: [script("a")], preprocessor_module: script("preprocessor") };
  test("makes the arguments", () => {
    const driver = new Driver({
      flow: { modules: [{ id: "a", value: { type: "identity" } }], preprocessor_module: script("preprocessor") },
      args: { raw: 1 },
      preprocess: true,
      runs: () => ({ result: { cooked: 1 } }),
    });
    expect(driver.status.step).toBe(-1);
    expect(driver.waiting[0]?.push.payload).toMatchObject({ preprocessor: true });
    expect(driver.drain().end?.value).toEqual({ cooked: 1 });
    expect(driver.status.preprocessor_module).toMatchObject({ type: "Success", id: "preprocessor" });
  });
  test("does not run unless asked for, nor when it is no script", () => {
    expect(new Driver({ flow }).drain().calls.map(({ step }) => step)).toEqual(["a"]);
    const odd: FlowValue = { ...flow, preprocessor_module: { id: "preprocessor", value: { type: "identity" } } };
    expect(new Driver({ flow: odd, preprocess: true }).drain().calls.map(({ step }) => step)).toEqual(["a"]);
    const none = { modules: [script("a")] };
    expect(new Driver({ flow: none, preprocess: true }).drain().end?.status).toBe("success");
  });
  test("that fails fails the flow, whose handler runs", () => {
    const handled = { ...flow, failure_module: script("failure") };
    const driver = new Driver({
      flow: handled,
      preprocess: true,
      runs: ({ step }) => (step === "failure" ? {} : boom),
    });
    driver.drain();
    expect(driver.calls.map(({ step }) => step)).toEqual(["preprocessor", "failure"]);
    expect(driver.end?.status).toBe("failure");
  });
});

describe("early return", () => {
  const flow = { modules: [script("a", { continue_on_error: true }), script("b")], early_return: "a" };
  test("answers when its step is done, well or not", () => {
    for (const success of [true, false]) {
      const driver = new Driver({ flow, runs: () => ({ success }) });
      driver.runOne();
      expect(driver.effects).toContainEqual(expect.objectContaining({ kind: "early_return", success }));
      expect(driver.end).toBeNull();
    }
  });
});

describe("an event that does not fit", () => {
  const flow = { modules: [script("a"), script("b")] };
  test("changes nothing", () => {
    const driver = new Driver({ flow });
    const job = driver.waiting[0]?.push.child.job ?? "";
    const { now: at } = driver;
    const done = { type: "done", at, job, step: "a", iteration: null, attempt: 0, success: true } as const;
    expect(driver.send({ type: "start", at })).toBe(false);
    expect(driver.send({ type: "timeout", at })).toBe(false);
    expect(driver.send({ ...done, step: "b" })).toBe(false);
    expect(driver.send({ ...done, attempt: 1 })).toBe(false);
    expect(driver.send({ ...done, job: "other" })).toBe(false);
    expect(driver.send({ ...done, iteration: 0 })).toBe(false);
    driver.runOne();
    expect(driver.send(done)).toBe(false);
    driver.drain();
    expect(driver.send(done)).toBe(false);
  });
  test("nor does a job of a step that waits", () => {
    const status = initialStatus(flow);
    const event = { type: "done", at: 1, job: "x", step: "a", iteration: null, attempt: 0, success: true } as const;
    const running = { ...status, engine: { ...status.engine, phase: "running" as const } };
    expect(advance({ job: "j", flow }, running, event)).toMatchObject({ kind: "ignored" });
  });
  test("is told from a fault of the driver", () => {
    const skipping = { modules: [script("a", { skip_if: { expr: "x" } })] };
    const wrong = { "a/0/skip_if": { kind: "number", value: 1 } } as const;
    const start = { type: "start", at: 1 } as const;
    expect(() => advance({ job: "j", flow: skipping }, initialStatus(skipping), start, wrong)).toThrow(TypeError);
    expect(() => advance({ job: "j", flow: { modules: [] } }, initialStatus(flow), start)).toThrow(RangeError);
  });
});
