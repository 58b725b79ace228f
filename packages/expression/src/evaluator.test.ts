import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createEvaluator, type Evaluation } from "./evaluator.ts";
import { ExpressionError } from "./expression-error.ts";

const evaluator = createEvaluator({ threads: 1 });
afterAll(() => evaluator.close());

async function value(
  expr: string,
  inputs: Evaluation["inputs"] = {},
  more: Partial<Evaluation> = {},
): Promise<unknown> {
  return JSON.parse(await evaluator.evaluate(expr, { inputs, domain: "test", ...more }));
}
const failure = (expr: string, more: Partial<Evaluation> = {}): Promise<ExpressionError> =>
  value(expr, {}, more).then(
    (result) => expect.fail(`gave ${JSON.stringify(result)}`),
    (error: ExpressionError) => error,
  );

describe("without an engine", () => {
  test.each<[string, Evaluation["inputs"], unknown]>([
    ["results.a", { results: { a: '{"x": 1}' } }, { x: 1 }],
    ["results.a.x[1]", { results: { a: '{"x": [5, 6]}' } }, 6],
    ["results.a.x.length", { results: { a: '{"x": [5, 6]}' } }, 2],
    ["results.a.y.z", { results: { a: "{}" } }, null],
    ["results.nobody.x", { results: {} }, null],
    ["results.a.constructor", { results: { a: "{}" } }, null],
    ["results.constructor", { results: {} }, null],
    ["results", { results: { a: "1", b: '"x"' } }, { a: 1, b: "x" }],
    ["flow_input.n", { flow_input: '{"n": 9007199254740991}' }, 9007199254740991],
    ["previous_result", { previous_result: "[1,2]" }, [1, 2]],
    ["{ a: 1 }", {}, { a: 1 }],
  ])("%s", async (expr, inputs, result) => {
    expect(await value(expr, inputs)).toEqual(result);
  });

  test.each([
    ["results.a", { results: { a: '""' } }, false],
    ["results.a", { results: { a: "0" } }, false],
    ["results.a", { results: { a: "null" } }, false],
    ["results.a", { results: { a: "[]" } }, true],
    ["results.a", { results: { a: '"0"' } }, true],
  ])("the truth of %s in %j is %s", async (expr, inputs, truth) => {
    expect(await value(expr, inputs, { predicate: true })).toBe(truth);
  });
});

describe("in the engine", () => {
  test.each<[string, unknown]>([
    ["results.a.length + 1", 4],
    ["results.a.map((x) => x * results.b.k)", [2, 4, 6]],
    ["`${flow_input.name}: ${results.a.join('-')}`", "Ada: 1-2-3"],
    ["{ a: results.a, missing: results.nobody, u: undefined }", { a: [1, 2, 3], missing: null }],
    ["undefined", null],
    ["() => 1", null],
    ["new Date(0)", "1970-01-01T00:00:00.000Z"],
    ["9007199254740991 - results.b.zero", 9007199254740991],
    ["results.big.n - 0", 9007199254740991],
    ["const x = results.a[0];\nif (x > 0) { return 'positive' }\nreturn 'negative'", "positive"],
    ["let sum = 0; for (const x of results.a) sum += x; sum", 6],
    ["try { nothing.x } catch { return 'caught' }", "caught"],
    ["await Promise.resolve(3)", 3],
    ["results.a.at(-1) // a comment", 3],
    ["'\u{1F600}\\ud800' + ''", "\u{1F600}\ud800"],
    ["'\\u0000'.length", 1],
    ["Math.PI > 3;", true],
    ["NaN + 1", null],
  ])("%s", async (expr, result) => {
    const results = { a: "[1,2,3]", b: '{"k":2,"zero":0}', big: '{"n":9007199254740991}', nobody: "null" };
    expect(await value(expr, { results, flow_input: '{"name":"Ada"}' })).toEqual(result);
  });

  test("a predicate is true or false by the rules of JavaScript", async () => {
    expect(await value("() => 1", {}, { predicate: true })).toBe(true);
    expect(await value("results.a + ''", { results: { a: '""' } }, { predicate: true })).toBe(false);
    expect(await value("1 / 0", {}, { predicate: true })).toBe(true);
  });

  test("what fails tells why and on which line", async () => {
    expect(await failure("1 +\n nothing.x")).toMatchObject({
      message: "ReferenceError: 'nothing' is not defined",
      line: 2,
    });
    expect(await failure("const a = 1;\n\nthrow new TypeError('mine')")).toMatchObject({
      message: "TypeError: mine",
      line: 3,
    });
    expect(await failure("throw 'text'")).toMatchObject({ message: "text", line: null });
    expect(await failure("throw {}")).toMatchObject({ message: "The expression threw something" });
    expect(await failure("throw null")).toMatchObject({ message: "The expression threw something" });
    expect(await failure("1 +")).toMatchObject({ message: /^SyntaxError: .*column 4$/, line: 1 });
    expect(await failure("new Promise(() => {})")).toMatchObject({ message: /waits for something that never comes/ });
    expect(await failure("10n")).toMatchObject({ message: /BigInt/ });
    expect((await failure("throw new Error('x'.repeat(1e5))")).message.length).toBe(2048);
    expect(JSON.stringify(await failure("nothing"))).not.toMatch(/node_modules|file:/);
  });

  test("an evaluation leaves nothing for the next", async () => {
    await value("globalThis.left = 1; Array.prototype.map = null; Object.prototype.dirty = 1; 1");
    expect(await value("[typeof left, typeof [].map, ({}).dirty]")).toEqual(["undefined", "function", null]);
    expect(await value("typeof left", {}, { domain: "other" })).toBe("undefined");
  });

  test("nothing of the host is there", async () => {
    const names = [
      "process",
      "require",
      "fetch",
      "setTimeout",
      "Buffer",
      "WebAssembly",
      "Worker",
      "console",
      "__inputs",
    ];
    for (const name of names.slice(0, -1)) expect(await value(`typeof ${name} + ''`)).toBe("undefined");
    expect(await failure("await import('node:fs')")).toBeInstanceOf(ExpressionError);
    expect(await value("(() => {}).constructor('return typeof process')()")).toBe("undefined");
  });
});

describe("helpers", () => {
  const fetch: Evaluation["fetch"] = ({ kind, argument }) => Promise.resolve(JSON.stringify({ kind, argument }));
  test("are answered by the host, and the evaluation repeated", async () => {
    expect(await value("variable('f/a').argument + (await resource('f/b')).kind", {}, { fetch })).toBe("f/aresource");
    expect(await value("flow_user_state('k')", {}, { fetch })).toEqual({ kind: "flow_user_state", argument: "k" });
  });
  test("cannot be hidden by catching, nor asked without end", async () => {
    expect(await value("try { return variable('x').argument } catch { return 'no' }", {}, { fetch })).toBe("x");
    const endless = "let x = ''; for (;;) { x += 'y'; variable(x) }";
    expect((await failure(endless, { fetch })).message).toMatch(/more than 20 variables/);
  });
  test("fail as the host says, or where there are none", async () => {
    expect((await failure("variable('x')")).message).toBe("variable() cannot be used here");
    const denied = (): Promise<string> => Promise.reject(new ExpressionError("Not allowed to read f/x"));
    expect((await failure("variable('x')", { fetch: denied })).message).toBe("Not allowed to read f/x");
  });
});

test("any JSON value comes back as it went in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (input) => {
      const text = JSON.stringify(input);
      expect(JSON.stringify(await value("((x) => x)(results.a)", { results: { a: text } }))).toBe(
        JSON.stringify(JSON.parse(text)),
      );
    }),
    { numRuns: 200 },
  );
});

test("any text is an expression or an error, and never the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 40 }), async (text) => {
      const result = await evaluator
        .evaluate(text, { inputs: { results: "{}" }, domain: "test" })
        .catch((error) => error);
      if (typeof result === "string") JSON.parse(result);
      else expect(result).toBeInstanceOf(ExpressionError);
    }),
    { numRuns: 300 },
  );
  expect(await value("1 + 1")).toBe(2);
});
