import { describe, expect, test } from "vitest";
import { advance } from "./advance.ts";
import { Driver, loop, script, type Setting } from "./driver.fixture.ts";
import type { FlowModule } from "./flow-value.ts";
import { initialStatus } from "./initial-status.ts";
import { outcomeOf } from "./outcome.ts";
import { retryDelay } from "./retry.ts";

const boom = { success: false, result: { error: { message: "boom" } } };
const failing =
  (...steps: string[]): NonNullable<Setting["runs"]> =>
  (call) =>
    steps.includes(call.step) ? boom : {};
const names = (driver: Driver): string[] => driver.calls.map(({ step }) => step);

describe("a step that fails", () => {
  test("fails the flow with its error", () => {
    const driver = new Driver({ flow: { modules: [script("a"), script("b")] }, runs: failing("a") }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: boom.result, handled: false });
    expect(driver.status).toMatchObject({ step: 0, modules: [{ type: "Failure" }, { type: "WaitingForPriorSteps" }] });
  });

  test("with continue_on_error hands its error on; as the last step the flow succeeds with it", () => {
    const modules = [script("a", { continue_on_error: true }), script("b", { continue_on_error: true }, { x: "r" })];
    const exprs: Setting["exprs"] = { r: ({ result }) => result };
    const driver = new Driver({
      flow: { modules, failure_module: script("failure") },
      exprs,
      runs: failing("a", "b"),
    }).drain();
    expect(driver.calls[1]?.args).toEqual({ x: boom.result });
    expect(driver.end).toMatchObject({ status: "success", value: boom.result });
    expect(driver.status.modules.map(({ type }) => type)).toEqual(["Failure", "Failure"]);
  });

  test("is neither retried nor passed over when its worker was lost", () => {
    const modules = [script("a", { continue_on_error: true, retry: { constant: { attempts: 2 } } })];
    const flow = { modules, failure_module: script("failure") };
    const runs: Setting["runs"] = ({ step }) => (step === "a" ? { ...boom, unrecoverable: true } : {});
    const driver = new Driver({ flow, runs }).drain();
    expect(names(driver)).toEqual(["a", "failure"]);
    expect(driver.end?.status).toBe("failure");
  });
});

describe("the handler", () => {
  const flow = { modules: [script("a")], failure_module: script("failure", {}, { e: "r" }) };
  const exprs: Setting["exprs"] = { r: ({ result }) => result };

  test("gets the error, and its result is the flow's, which has failed all the same", () => {
    const driver = new Driver({ flow, exprs, runs: failing("a") });
    driver.runOne();
    expect(driver.status).toMatchObject({
      step: 1,
      failure_module: { type: "WaitingForExecutor", parent_module: "a" },
    });
    driver.drain();
    expect(driver.end).toMatchObject({ status: "failure", value: { e: boom.result }, handled: true });
    expect(driver.status.failure_module).toMatchObject({ type: "Success", parent_module: "a" });
  });

  test("saves the flow with recover", () => {
    const driver = new Driver({
      flow,
      exprs,
      runs: ({ step }) => (step === "a" ? boom : { recover: true, result: { recover: true } }),
    }).drain();
    expect(driver.end).toMatchObject({ status: "success", recovered: true, value: { recover: true } });
  });

  test("is retried by its own rule and gives its own error when it fails", () => {
    const retrying = {
      ...flow,
      failure_module: script("", { retry: { constant: { attempts: 1, seconds: 3 } } }, { e: "r" }),
    };
    const driver = new Driver({ flow: retrying, exprs, runs: () => boom }).drain();
    expect(names(driver)).toEqual(["a", "failure", "failure"]);
    expect(driver.calls[2]?.args).toEqual({ e: boom.result });
    expect(driver.end).toMatchObject({ status: "failure", value: boom.result });
    expect(driver.status.failure_module).toMatchObject({ type: "Failure", failed_retries: [driver.calls[1]?.job] });
  });

  test("is not retried when its worker was lost", () => {
    const retrying = { ...flow, failure_module: script("failure", { retry: { constant: { attempts: 3 } } }) };
    const driver = new Driver({ flow: retrying, runs: () => ({ ...boom, unrecoverable: true }) }).drain();
    expect(names(driver)).toEqual(["a", "failure"]);
  });

  test("that another version of the flow has not is not retried", () => {
    const retrying = { ...flow, failure_module: script("failure", { retry: { constant: { attempts: 3 } } }) };
    const driver = new Driver({ flow: retrying, exprs, runs: () => boom });
    driver.runOne();
    const { job } = driver.waiting[0]?.push.child ?? { job: "" };
    const event = { type: "done", at: 1, job, step: "failure", iteration: null, attempt: 0, success: false } as const;
    const moved = advance({ job: driver.root, flow: { modules: flow.modules } }, driver.status, event);
    expect(moved).toMatchObject({ kind: "moved", effects: [{ kind: "complete", status: "failure" }] });
  });

  test("that is no script counts as none", () => {
    const odd = { ...flow, failure_module: { id: "failure", value: { type: "identity" } } satisfies FlowModule };
    expect(new Driver({ flow: odd, runs: failing("a") }).drain().end?.status).toBe("failure");
  });

  test("runs at the innermost flow that failed and not again further up", () => {
    const nested = {
      modules: [loop("l", [1, 2], [script("a"), script("b")])],
      failure_module: script("failure"),
    };
    const driver = new Driver({ flow: nested, runs: failing("a") }).drain();
    expect(names(driver)).toEqual(["a", "failure-0-0"]);
    expect(driver.end).toMatchObject({ status: "failure", handled: true, value: [{}] });
  });

  test("that recovers an iteration leaves the loop failed", () => {
    const nested = { modules: [loop("l", [1, 2], [script("a"), script("b")])], failure_module: script("failure") };
    const runs: Setting["runs"] = ({ step }) => (step === "a" ? boom : { recover: true, result: "saved" });
    const driver = new Driver({ flow: nested, runs }).drain();
    expect(names(driver)).toEqual(["a", "failure-0-0"]);
    expect(driver.end).toMatchObject({ status: "failure", value: ["saved"] });
  });
});

describe("retry", () => {
  test("runs attempts + 1 times with the same arguments", () => {
    const modules = [script("a", { retry: { constant: { attempts: 2, seconds: 5 } } }, { x: "r" })];
    const driver = new Driver({ flow: { modules }, args: { q: 1 }, exprs: { r: () => 4 }, runs: () => boom });
    driver.runOne();
    expect(driver.status.retry).toEqual({ fail_count: 1, failed_jobs: [driver.calls[0]?.job] });
    expect(driver.waiting[0]?.push).toMatchObject({ scheduledFor: driver.now + 5000, inputs: { kind: "same" } });
    driver.drain();
    expect(driver.calls.map(({ args }) => args)).toEqual([{ x: 4 }, { x: 4 }, { x: 4 }]);
    expect(driver.end?.status).toBe("failure");
    expect(driver.status.modules[0]).toMatchObject({ failed_retries: driver.calls.slice(0, 2).map(({ job }) => job) });
    expect(driver.status.retry).toBeUndefined();
  });

  test("ends with the first success", () => {
    const modules = [script("a", { retry: { exponential: { attempts: 5, seconds: 2 } } }), script("b")];
    const driver = new Driver({
      flow: { modules },
      runs: ({ step, attempt }) => (step === "a" && attempt < 2 ? boom : {}),
    }).drain();
    expect(driver.end?.status).toBe("success");
    expect(driver.status.modules[0]).toMatchObject({
      type: "Success",
      failed_retries: [{}, {}].map(() => expect.any(String)),
    });
    expect(driver.status.modules[1]).toMatchObject({ failed_retries: [] });
  });

  test("asks retry_if after each failure", () => {
    const retry = { constant: { attempts: 9 }, retry_if: { expr: "again" } };
    let asked = 0;
    const driver = new Driver({
      flow: { modules: [script("a", { retry })] },
      exprs: { again: ({ result }) => JSON.stringify(result).includes("boom") && ++asked < 3 },
      runs: () => boom,
    }).drain();
    expect(driver.calls.length).toBe(3);
  });

  test("is given up, with a word in the log, when retry_if throws", () => {
    const modules = [script("a", { retry: { constant: { attempts: 9 }, retry_if: { expr: "bad" } } })];
    const driver = new Driver({ flow: { modules }, runs: () => boom }).drain();
    expect(driver.calls.length).toBe(1);
    expect(driver.effects).toContainEqual(expect.objectContaining({ kind: "log", step: "a" }));
  });

  test("of a loop begins it again with new children", () => {
    const modules = [loop("l", [1, 2], [script("a")], { retry: { constant: { attempts: 1 } } })];
    const driver = new Driver({
      flow: { modules },
      runs: ({ push }) => (push.child.attempt === 0 ? boom : { result: "ok" }),
    }).drain();
    expect(driver.end).toMatchObject({ status: "success", value: ["ok", "ok"] });
    expect(driver.calls.length).toBe(3);
  });

  test.each([
    ["constant first", { constant: { attempts: 2, seconds: 7 } }, [7, 7, null]],
    ["exponential", { exponential: { attempts: 3, multiplier: 2, seconds: 3 } }, [6, 18, 54, null]],
    [
      "constants shift the exponent",
      { constant: { attempts: 1, seconds: 1 }, exponential: { attempts: 1, multiplier: 1, seconds: 3 } },
      [1, 9, null],
    ],
    ["at most six hours", { exponential: { attempts: 100, seconds: 1000 } }, [1000, 21600, 21600]],
    ["nothing said", {}, [null]],
    ["empty settings", { constant: {}, exponential: {} }, [null]],
    ["no seconds", { constant: { attempts: 1 }, exponential: { attempts: 1 } }, [0, 0, null]],
  ] as const)("waits: %s", (_, retry, delays) => {
    expect(delays.map((__, failures) => retryDelay(retry, failures, 0.5))).toEqual(delays);
  });

  test("never tries more than 1,000 times, and spreads by chance", () => {
    expect(retryDelay({ constant: { attempts: 5000 } }, 1000, 0)).toBeNull();
    const retry = { exponential: { attempts: 1, seconds: 10, random_factor: 50 } };
    expect([0, 0.5, 1].map((chance) => retryDelay(retry, 0, chance))).toEqual([5, 10, 15]);
  });
});

describe("stop_after_if", () => {
  const exprs: Setting["exprs"] = { yes: () => true, no: () => false };

  test("ends the flow with the step's result", () => {
    const driver = new Driver({
      flow: { modules: [script("a", { stop_after_if: { expr: "yes" } }), script("b")] },
      exprs,
      runs: () => ({ result: 3 }),
    }).drain();
    expect(driver.end).toMatchObject({ status: "success", value: 3, stopped: { skip: false } });
    expect(driver.status.modules[1]?.type).toBe("WaitingForPriorSteps");
  });

  test("may count as skipped, whatever the error message says", () => {
    const rule = { expr: "yes", skip_if_stopped: true, error_message: "no" };
    const driver = new Driver({ flow: { modules: [script("a", { stop_after_if: rule })] }, exprs }).drain();
    expect(driver.end).toMatchObject({ status: "skipped", stopped: { skip: true } });
    expect(driver.status.modules[0]).toMatchObject({ type: "Success", skipped: true });
  });

  test.each([
    ["", false, { name: "EarlyStopError", message: "stop after if: yes" }],
    ["why", true, { name: "EarlyStopError", message: "why", result: 3 }],
  ])("with the error message %j fails the flow", (error_message, error_include_result, error) => {
    const rule = { expr: "yes", error_message, error_include_result };
    const flow = { modules: [script("a", { stop_after_if: rule })] };
    const driver = new Driver({ flow, exprs, runs: () => ({ result: 3 }) }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: { error } });
  });

  test("that throws fails the flow", () => {
    const driver = new Driver({ flow: { modules: [script("a", { stop_after_if: { expr: "bad" } })] } }).drain();
    expect(driver.end).toMatchObject({ status: "failure", value: { error: { message: /stop_after_if of step a/ } } });
  });

  test("is not asked of a step that was skipped or failed, nor when it is false", () => {
    const modules = [
      script("a", { stop_after_if: { expr: "yes" }, skip_if: { expr: "yes" } }),
      script("b", { stop_after_if: { expr: "yes" }, continue_on_error: true }),
      script("c", { stop_after_if: { expr: "no" } }),
      script("d"),
    ];
    const driver = new Driver({ flow: { modules }, exprs, runs: failing("b") }).drain();
    expect(names(driver)).toEqual(["b", "c", "d"]);
  });
});

describe("cancel", () => {
  const flow = {
    modules: [script("a"), script("b")],
    failure_module: script("failure"),
    preprocessor_module: script("p"),
  };
  const cancel = (driver: Driver, reason: string | null = "enough"): void => {
    driver.send({ type: "cancel", at: driver.now, by: "u/me", reason });
    expect(driver.end).toMatchObject({ status: "canceled", canceled: { by: "u/me", reason } });
    expect(driver.end?.value).toMatchObject({ error: { name: "Canceled", canceler: "u/me", reason } });
  };
  test("ends the flow at whatever it does, without the handler", () => {
    const driver = new Driver({ flow });
    cancel(driver);
    expect(driver.effects.at(-2)).toMatchObject({ kind: "cancel", by: "u/me" });
    expect(driver.status.modules[0]?.type).toBe("Failure");
    expect(driver.end?.value).toMatchObject({ error: { message: "Job canceled: enough by u/me" } });
  });
  test("ends a flow that has not begun", () => {
    const status = initialStatus(flow);
    const event = { type: "cancel", at: 1, by: "u/me", reason: null } as const;
    const canceled = advance({ job: "j", flow }, status, event);
    expect(canceled).toMatchObject({ kind: "moved", status: { modules: status.modules, engine: { phase: "ended" } } });
  });
  test("reaches a preprocessor and a handler", () => {
    const preprocessing = new Driver({ flow, preprocess: true });
    cancel(preprocessing, null);
    expect(preprocessing.status.preprocessor_module?.type).toBe("Failure");
    const handling = new Driver({ flow, runs: failing("a") });
    handling.runOne();
    cancel(handling);
    expect(handling.status.failure_module).toMatchObject({ type: "Failure", parent_module: "a" });
  });
});

test("another flow's stop and handler are its own affair, a body's are not", () => {
  const end = {
    kind: "complete",
    result: { from: "args", iter: null },
    stopped: { skip: true },
    handled: true,
    canceled: null,
  } as const;
  const recovered = { ...end, status: "success", recovered: true } as const;
  expect(outcomeOf(recovered, "flow")).toEqual({ success: true, unrecoverable: false, stopped: null, handled: false });
  expect(outcomeOf(recovered, "body")).toEqual({
    success: false,
    unrecoverable: false,
    stopped: { skip: true },
    handled: true,
  });
  expect(outcomeOf({ ...end, status: "canceled", recovered: false }, "body")).toMatchObject({
    success: false,
    unrecoverable: true,
  });
  expect(outcomeOf({ ...end, status: "skipped", recovered: false }, "body")).toMatchObject({ success: true });
});
