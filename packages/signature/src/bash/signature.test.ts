import { expect, test } from "vitest";
import { parameterNames, parseSignature } from "../index.ts";

test.each([
  ['a="$1"', [["a", null]]],
  [
    'a="$1"\nb="${2:-x y}"',
    [
      ["a", null],
      ["b", "x y"],
    ],
  ],
  ['a="${1:-}"', [["a", ""]]],
  ['a="$1" # comment', [["a", null]]],
  [
    'a="$1"\r\nb="$2"\r\n',
    [
      ["a", null],
      ["b", null],
    ],
  ],
  ['a="$1"\nc="$3"', [["a", null]]],
  ['a="$1"\nb="$1"', [["b", null]]],
  ['a=$1\nb=\'$1\'\nlocal c="$1"\nexport d="$1"\n e="$1"', []],
])("%j takes its positional parameters", (content, expected) => {
  const found = parseSignature("bash", content);
  const args = expected.map(([name, value]) => {
    return { name, typ: { str: null }, default: value, hasDefault: value !== null };
  });
  expect(found).toMatchObject({ valid: true, args });
});

test("a position no shell has is invalid", () => {
  expect(parseSignature("bash", 'a="$99999999999999999999"')).toMatchObject({ valid: false });
});

test("all parameters are passed by position", () => {
  expect(parameterNames("bash", 'a="$1"')).toEqual([
    { name: "a", kind: "plain", hasDefault: false, passing: "positional" },
  ]);
});
