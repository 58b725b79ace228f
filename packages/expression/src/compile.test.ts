import { describe, expect, test } from "vitest";
import { compile } from "./compile.ts";

const kindOf = (expr: string): string => compile(expr).kind;

describe("an expression that needs no engine", () => {
  test.each([
    ["", "null"],
    ["  \n ", "null"],
    ["1", "1"],
    ["-2.5", "-2.5"],
    ["9007199254740991", "9007199254740991"],
    ["'text'", '"text"'],
    ["`plain`", '"plain"'],
    ["true;", "true"],
    ["null", "null"],
    ["{ a: 1, 'b': [null, -1, {}] }", '{"a":1,"b":[null,-1,{}]}'],
    ["({ a: 1 })", '{"a":1}'],
    ["[]", "[]"],
  ])("%j is a literal", (expr, literal) => {
    expect(compile(expr)).toMatchObject({ kind: "literal", literal, problems: [] });
  });

  test.each([
    ["results.a", "results", ["a"]],
    ["  results.a.b['c d'][0] ", "results", ["a", "b", "c d", "0"]],
    ["flow_input?.x?.y;", "flow_input", ["x", "y"]],
    ["(previous_result)", "previous_result", []],
    ["resume", "resume", []],
  ])("%j is a path", (expr, root, keys) => {
    expect(compile(expr)).toMatchObject({ kind: "path", path: { root, keys } });
  });

  test.each([
    "results[x]",
    "results.a()",
    "`${x}`",
    "[...x]",
    "{ ...x }",
    "{ a }",
    "{ [a]: 1 }",
    "{ get a() { return 1 } }",
    "{ '__proto__': 1 }",
    "[1, , 2]",
    "/x/",
    "1n",
    "-x",
    "-0",
    "+1",
    "a + b",
    "this.x",
    "`\\u{1F600}` + x",
  ])("%j is a script", (expr) => {
    expect(kindOf(expr)).toBe("script");
  });
});

describe("what an expression reads", () => {
  const rootsOf = (expr: string): Record<string, string[] | null> =>
    Object.fromEntries(compile(expr).roots.map(({ name, keys }) => [name, keys]));

  test.each<[string, Record<string, string[] | null>]>([
    ["results.a.x + results['b'].y", { results: ["a", "b"] }],
    ["results.a + results[flow_input.k]", { results: null, flow_input: ["k"] }],
    ["results[0] + results", { results: null }],
    ["[1].map((x) => results.a + x)", { results: ["a"], x: null }],
    ["{ results: 1, a: flow_input.x }", { flow_input: ["x"] }],
    ["{ previous_result }", { previous_result: null }],
    ["x.results.a", { x: ["results"] }],
    ["const { a } = results; return a", { results: null, a: null }],
    ["class A { results = iter; error() {} }; new A()", { iter: null, A: null }],
    ["foo().results", { foo: null }],
  ])("%j", (expr, roots) => {
    expect(rootsOf(expr)).toEqual(roots);
  });

  test("steps have the place of their first mention", () => {
    expect(compile("[\n  results.b,\n results.a, results.b]").steps).toEqual([
      { id: "b", line: 2, column: 3 },
      { id: "a", line: 3, column: 2 },
    ]);
  });
});

describe("an expression that is wrong", () => {
  test.each([
    ["1 +", 1, 4],
    ["results.a b", 1, 12],
    ["a)(b", 1, 2],
    ["if (x) {", 1, 9],
    ["const a = 1;\nreturn a +;", 2, 11],
    ["{ a: 1, b: }", 1, 12],
    ["let a = ;", 1, 9],
  ])("%j has its problem at line %i, column %i", (expr, line, column) => {
    const { kind, problems } = compile(expr);
    expect(kind).toBe("invalid");
    expect(problems).toMatchObject([{ line, column, message: expect.stringMatching(/^[^(]+$/) }]);
  });

  test("is told so even if it would break the parser", () => {
    for (const nested of ["(".repeat(100_000), `${"[".repeat(20_000)}${"]".repeat(20_000)}`, "-".repeat(50_000) + "x"])
      expect(kindOf(nested)).toBe("invalid");
    expect(compile("x".repeat(300_000)).problems[0]?.message).toMatch(/longer than/);
    expect(["script", "invalid"]).toContain(kindOf(`${"a+".repeat(100_000)}a`));
  });
});

test("what was read once is remembered, and not without end", () => {
  const first = compile("results.remembered");
  expect(compile("results.remembered")).toBe(first);
  for (let index = 0; index < 2500; index++) compile(`${index} + x`);
  expect(compile("results.remembered")).not.toBe(first);
});
