import { describe, expect, test } from "vitest";
import { loop, script } from "./driver.fixture.ts";
import type { FlowModule, FlowValue } from "./flow-value.ts";
import { nearest, sentenceOf } from "./problem.ts";
import { flowSchema } from "./schema.ts";
import { validateFlow, type FlowCheck } from "./validate.ts";

const messages = (value: unknown, check?: FlowCheck): string[] => validateFlow(value, check).map(sentenceOf);

/** Reads `results.<id>` and finds a mistake in everything with a bang. */
const compile: FlowCheck["compile"] = (expr) => ({
  problems: expr.includes("!") ? [{ message: "bad", line: 2, column: 3 }] : [],
  steps: [...expr.matchAll(/results\.(\w+)/g)].map(([, id = ""]) => ({ id, line: 1, column: 9 })),
});

describe("a flow is accepted", () => {
  const full: FlowValue = {
    modules: [
      script("a", {
        stop_after_if: { expr: "x", skip_if_stopped: true },
        retry: { constant: { attempts: 1, seconds: 2 }, exponential: { attempts: 1, seconds: 1, random_factor: 5 } },
        suspend: { required_events: 1, user_groups_required: { type: "static", value: ["g"] } },
        timeout: 5,
        sleep: null,
      }),
      loop("l", [1], [{ id: "b", value: { type: "script", path: "hub/1/x", hash: null } }], {
        loop: { parallelism: 3 },
      }),
      { id: "w", value: { type: "whileloopflow", modules: [{ id: "f", value: { type: "flow", path: "" } }] } },
      { id: "o", value: { type: "branchone", branches: [{ expr: "x", modules: [] }], default: [script("d")] } },
      { id: "all", value: { type: "branchall", branches: [{ modules: [script("e")] }], parallel: false } },
      { id: "i", value: { type: "identity" } },
    ],
    failure_module: script("failure"),
    preprocessor_module: script("preprocessor"),
    early_return: "d",
    skip_expr: "",
  };
  test("with every kind of step", () => {
    expect(messages(full, { compile })).toEqual([]);
  });
  test("with fields nobody knows", () => {
    const newer = { modules: [{ ...script("a"), fresh: 1, value: { ...script("a").value, fresh: 1 } }], fresh: {} };
    expect(messages(newer)).toEqual([]);
  });
});

describe("a flow is refused, and told why", () => {
  test.each<[string, unknown, string | RegExp]>([
    ["nothing", undefined, /^The flow: .*expected object/],
    ["a text", "flow", /expected object/],
    ["no modules", {}, /^The flow, field modules: .*expected array/],
    ["no value", { modules: [{ id: "a" }] }, /^Step a, field value/],
    [
      "no value in a branch without a condition",
      { modules: [{ id: "o", value: { type: "branchone", branches: [], default: [{ id: "d" }] } }] },
      /^Step d, field value/,
    ],
    ["no value of the handler", { modules: [], failure_module: { id: "failure" } }, /^Step failure, field value/],
    [
      "no value of the preprocessor",
      { modules: [], preprocessor_module: { id: "preprocessor" } },
      /^Step preprocessor, field value/,
    ],
    ["no value of a step without an id", { modules: [{}] }, /^The flow, field modules\.0\.value/],
    [
      "a path that is none, of a step without an id",
      { modules: [{ value: { type: "script", path: "x/y" } }] },
      /^The flow, field value\.path: "x\/y" is not a workspace path/,
    ],
    [
      "an unknown kind, deep inside",
      { modules: [loop("l", [], [{ id: "x", value: { type: "magic" } } as unknown as FlowModule])] },
      /^Step x, field value.type: "magic" is not one of rawscript/,
    ],
    ["no kind", { modules: [{ id: "x", value: {} }] }, /^Step x, field value.type: It is missing: rawscript/],
    [
      "an agent",
      { modules: [{ id: "x", value: { type: "aiagent" } }] },
      /^Step x, field value.type: AI agent steps are not supported yet/,
    ],
    ["a stored script", { modules: [{ id: "x", value: { type: "flowscript", id: 1 } }] }, /send the rawscript itself/],
    [
      "a step without id in a branch",
      { modules: [{ id: "o", value: { type: "branchone", branches: [], default: [{ value: 3 }] } }] },
      /^Step o, field value.default.0.value: /,
    ],
    [
      "a wrong transform",
      { modules: [script("a", { sleep: { type: "magic" } as unknown as { type: "ai" } })] },
      'Step a, field sleep.type: "magic" is not one of static or javascript',
    ],
    [
      "a wrong type",
      { modules: [script("a", { retry: { constant: { attempts: -1 } } })] },
      /^Step a, field retry.constant.attempts: /,
    ],
    [
      "a wrong handler",
      { modules: [], failure_module: { id: "failure", value: { type: "script" } } },
      /^Step failure, field value.path: /,
    ],
    [
      "a handler that is no script",
      { modules: [], failure_module: { id: "failure", value: { type: "identity" } } },
      /field failure_module: It must be a script, not a identity/,
    ],
    [
      "a double id",
      { modules: [script("a"), loop("l", [], [script("a")])] },
      /^Step a, field id: Two steps have the id a/,
    ],
    ["a kept id", { modules: [script("failure")] }, /^Step failure, field id: The id failure is kept/],
    ["another kept id", { modules: [script("a-v")] }, /^Step a-v, field id: /],
    [
      "a path that is none",
      { modules: [{ id: "a", value: { type: "script", path: "../x" } }] },
      /^Step a, field value.path: "..\/x" is not a workspace path/,
    ],
    [
      "a path that is none, without id",
      { modules: [{ value: { type: "flow", path: "x" } }] },
      /^The flow, field value.path: "x" is not/,
    ],
    [
      "no base",
      { modules: [script("a", { retry: { exponential: { attempts: 2 } } })] },
      /^Step a, field retry.exponential.seconds: /,
    ],
    [
      "an early return from nowhere",
      { modules: [script("alpha")], early_return: "alhpa" },
      "The flow, field early_return: There is no step alhpa: did you mean alpha?",
    ],
    [
      "a workflow as code",
      {
        modules: [
          {
            id: "a",
            value: { type: "rawscript", language: "bun", content: "export const main = workflow(async () => {})" },
          },
        ],
      },
      /^Step a, field value.content: A workflow as code cannot be a step/,
    ],
  ])("%s", (_, value, message) => {
    expect(messages(value)).toEqual([typeof message === "string" ? message : expect.stringMatching(message)]);
  });

  test("nested without end", () => {
    let modules: FlowModule[] = [script("a")];
    for (let depth = 0; depth < 5000; depth++) modules = [loop(`l${depth}`, [], modules)];
    expect(messages({ modules })).toEqual(["The flow, field modules: Steps are nested more than 50 levels deep"]);
    let flow: unknown = {};
    for (let depth = 0; depth < 5000; depth++)
      flow = { modules: [{ id: "x", value: { branches: [flow], default: [] } }] };
    expect(messages(flow).length).toBe(1);
  });
});

describe("an expression is looked at wherever it stands", () => {
  test.each<[string, Partial<FlowModule>]>([
    ["stop_after_if.expr", { stop_after_if: { expr: "!" } }],
    ["stop_after_all_iters_if.expr", { stop_after_all_iters_if: { expr: "!" } }],
    ["skip_if.expr", { skip_if: { expr: "!" } }],
    ["retry.retry_if.expr", { retry: { retry_if: { expr: "!" } } }],
    ["sleep", { sleep: { type: "javascript", expr: "!" } }],
    ["timeout", { timeout: { type: "javascript", expr: "!" } }],
    ["suspend.user_groups_required", { suspend: { user_groups_required: { type: "javascript", expr: "!" } } }],
    ["value.input_transforms.x", script("a", {}, { x: "!" })],
    [
      "value.branches.1.expr",
      {
        value: {
          type: "branchone",
          branches: [
            { expr: "ok", modules: [] },
            { expr: "!", modules: [] },
          ],
          default: [],
        },
      },
    ],
    [
      "value.iterator",
      { value: { type: "forloopflow", iterator: { type: "javascript", expr: "!" }, modules: [], parallelism: 2 } },
    ],
    [
      "value.parallelism",
      {
        value: {
          type: "forloopflow",
          iterator: { type: "static", value: [] },
          modules: [],
          parallelism: { type: "javascript", expr: "!" },
        },
      },
    ],
  ])("%s", (field, options) => {
    expect(messages({ modules: [{ ...script("a"), ...options }] }, { compile })).toEqual([
      `Step a, field ${field}, line 2, column 3: bad`,
    ]);
  });

  test("of a step without an id", () => {
    const { value } = script("", {}, { x: "! results.zzz" });
    expect(messages({ modules: [{ value }] }, { compile })).toEqual([
      "The flow, field value.input_transforms.x, line 2, column 3: bad",
      "The flow, field value.input_transforms.x, line 1, column 9: There is no step zzz",
    ]);
  });

  test("of the flow and of its handler too", () => {
    const flow = { modules: [], skip_expr: "!", failure_module: script("failure", {}, { x: "!" }) };
    expect(messages(flow, { compile }).length).toBe(2);
  });

  test("and a step it names but that is not there is a warning with the nearest", () => {
    const problems = validateFlow({ modules: [script("fetch"), script("b", {}, { x: "results.fecth" })] }, { compile });
    expect(problems).toEqual([
      {
        severity: "warning",
        step: "b",
        field: "value.input_transforms.x",
        message: "There is no step fecth: did you mean fetch?",
        line: 1,
        column: 9,
      },
    ]);
  });
});

test("the nearest name is near", () => {
  expect(nearest("fecth", ["other", "fetch", "fetched"])).toBe("fetch");
  expect(nearest("a", ["zzz"])).toBeNull();
  expect(nearest("🙂ab", ["other", "🙂abc"])).toBe("🙂abc");
  expect(nearest("", [])).toBeNull();
  expect(sentenceOf({ severity: "error", step: null, field: "", message: "m", line: 1 })).toBe(
    "The flow, line 1, column 1: m",
  );
});

test("the published schema describes every field and allows more", () => {
  const schema = flowSchema();
  expect(schema).toMatchObject({ type: "object", required: ["modules"], title: "OpenFlow" });
  expect(Object.keys(schema["properties"] as object)).toContain("preprocessor_module");
  const module = (schema["$defs"] as Record<string, { properties: object; required: string[] }>)["FlowModule"];
  expect(module?.required).toEqual(["value"]);
  expect(Object.keys(module?.properties ?? {})).toEqual(
    expect.arrayContaining(["retry", "suspend", "stop_after_if", "mock"]),
  );
});
