import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imports, importStatements, inferSchema, parameterNames, parseSignature } from "./index.ts";

const LANGUAGES = ["bun", "python3", "bash", "postgresql"];

/** Pieces that make sources which are nearly right. */
// prettier-ignore
const PIECES = [
  "export async function main(", "def main(", "class A(Enum):\n", "@dataclass\n", "type A = ", "interface A {", "a",
  ": ", " = ", "(", ")", "[", "]", "{", "}", "<", ">", "|", ",", "\n", "\n    ", "'", '"', '"""', "`", "${", "$1", "\\",
  "/", "*", "#", "//", "/*", "=>", "import ", "from ", " as ", "Optional[", "Literal['a']", "list[A]", "Color.RED",
  "1", "-", "0x", "1e400", "\ud800", "\u0000", "__proto__", "é", "\u2028", "undefined", "null", 'a="$1"', "return", "\n-- $1 a (int)", "::int", "$$", "$a$",
  "\n-- %%a%% b/c",
];

test("a language without inference has no schema", () => {
  expect(inferSchema({ language: "cobol", content: "" })).toBeNull();
  expect(parseSignature("constructor", "")).toBeNull();
  expect(parameterNames("cobol", "")).toBeNull();
  expect(imports("cobol", "import a")).toEqual([]);
});

describe.each(LANGUAGES)("%s", (language) => {
  const survives = (content: string): void => {
    const signature = parseSignature(language, content);
    expect(typeof signature?.valid).toBe("boolean");
    expect(() => JSON.stringify(inferSchema({ language, content, previous: { properties: { a: 1 } } }))).not.toThrow();
    imports(language, content);
    parameterNames(language, content);
  };

  test("any text is answered", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), survives), { numRuns: 200 });
  });

  test("any text that looks like a script is answered", () => {
    const script = fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(""));
    fc.assert(fc.property(script, survives), { numRuns: 500 });
  });

  test("a megabyte is answered", { timeout: 60_000 }, () => {
    for (const piece of PIECES) {
      const content = piece.repeat(Math.ceil(1_000_000 / piece.length));
      const started = performance.now();
      expect(typeof parseSignature(language, content)?.valid).toBe("boolean");
      // A second where the machine is idle; tests share theirs.
      expect({ piece, slow: performance.now() - started > 5000 }).toEqual({ piece, slow: false });
    }
  });
});

test("what is not valid has the schema without arguments, and says why", () => {
  expect(
    inferSchema({ language: "bun", content: "export function main(", previous: { properties: { a: {} } } }),
  ).toEqual({
    schema: { $schema: "https://json-schema.org/draft/2020-12/schema", type: "object", properties: {}, required: [] },
    autoKind: null,
    hasMain: false,
    hasPreprocessor: false,
    invalid: expect.stringContaining("line 1") as unknown,
  });
});

test("the previous schema is not changed, and names of JavaScript's own are ordinary names", () => {
  const previous = { properties: { a: { type: "string", description: "kept" } }, required: ["gone"] };
  const before = structuredClone(previous);
  const content = "export function main(a: string, constructor: string, __proto__: string, toString = 1) {}";
  const schema = inferSchema({ language: "bun", content, previous })?.schema;
  expect(previous).toEqual(before);
  expect(Object.keys(schema?.properties ?? {})).toEqual(["a", "constructor", "__proto__", "toString"]);
  expect(schema?.properties["a"]).toMatchObject({ description: "kept", originalType: "string", default: null });
  expect(schema?.required).toEqual(["a", "constructor", "__proto__"]);
});

test("imports of TypeScript are the modules needed at run time", () => {
  const content = `
    import a from "b"; import type { c } from "d"; import { type e } from "f"; import { g, type h } from "./i.ts";
    export * from "j"; export { k } from "/u/x/y"; export type { l } from "m"; import "n"; import o = require("p");
    const q = await import("r"); await import(s); require("t"); // import u from "v"
  `;
  expect(imports("bun", content)).toEqual(["./i.ts", "/u/x/y", "b", "j", "n", "p", "r"]);
  expect(importStatements("bun", content)).toContainEqual({ module: "./i.ts", names: ["g", "h"] });
  expect(imports("bun", "import {")).toEqual([]);
});

test("imports of Python are absolute and relative modules, with the names taken", () => {
  const content = `
import a.b as c, d  # import e
from f.x.y import (
    g,  # first
    h as i,
)
from . import j
from ..k.l import *
if True:
    import m; import n
"""
import o
"""
from p \\
    import q
`;
  expect(imports("python3", content)).toEqual([".", "..k.l", "a.b", "d", "f.x.y", "m", "n", "p"]);
  expect(importStatements("python3", content)).toContainEqual({ module: "f.x.y", names: ["g", "h"] });
  expect(importStatements("python3", content)).toContainEqual({ module: ".", names: ["j"] });
});

test("a TypeScript wrapper learns which arguments to convert", () => {
  expect(parameterNames("bun", "export function f(a: Date, b?: Base64, { c }: any) {}", "f")).toEqual([
    { name: "a", kind: "datetime", hasDefault: false, passing: "positional" },
    { name: "b", kind: "bytes", hasDefault: true, passing: "positional" },
    { name: "anon1", kind: "plain", hasDefault: false, passing: "positional" },
  ]);
});
