import { expect, test } from "vitest";
import { parseSignature } from "../index.ts";
import { isTooDeep } from "./nesting.ts";

// prettier-ignore
const DEEP = [
  "(", "[", "{", "!", "- ", "new ", "typeof ", "await ", "`${", "a=>", "(a)=>", "async a=>", "a?b:", "a?(", "a=",
  "a+", "a**", "a||", "a??", "if(a)", "if(a)b;else ", "if(a){}else ", "if(a)b\nelse ", "if(a)return\nelse ", "a:",
  "do ", "for(;;)", "while(a)", "try{", "class A{a=", "function a(){", "<a>", "<T>()=>", "a!", "a[b]", "a``", "``",
  "a.b[", "[/*]*/", "({a:", "x as y<", "if(a)/x/;else ", ".a", "?.a", "()", "keyof ", "a\n/[/+[", "!\n", "else\n",
];

const DEEP_TYPES = ["A<", "A<b,A<c,", "A<()=>b,A<", "[]", "A extends B?C:", "{a:", "(a:", "keyof ", "[", "`${"];

test.each([...DEEP, ...DEEP_TYPES.map((piece) => `type T = ${piece}`)])(
  "%j without end is refused, not parsed",
  (piece) => {
    const [head, tail] = piece.startsWith("type T = ") ? ["type T = a", piece.slice(9)] : ["a", piece];
    const source = head.slice(0, -1) + tail.repeat(60_000);
    expect(parseSignature("bun", source)).toMatchObject({ valid: false });
    expect(parseSignature("bun", `export function main() {\n${source}\n}`)).toMatchObject({ valid: false });
  },
);

test("a long honest file is not too deep", () => {
  const lines = [
    "export async function f(a: Map<string, number[]>, b?: { c: string }) {",
    "  const found = a.get(`x${b?.c ?? 'y'}`)?.map((n) => n / 2).filter((n) => n > 1 && n < 3)",
    "  if (found === undefined) return null",
    "  else if (/^[([{]+$/.test(b.c)) return { ...b, list: [1, 2, [3]] }",
    "  for (let i = 0; i < found.length; i++) found[i] = -found[i] // (((",
    "  return found as unknown as A<B<C>>",
    "}",
    "interface A<T> {",
    "  a: T",
    "  b: Array<T>",
    "}",
  ];
  expect(isTooDeep(`${lines.join("\n")}\n`.repeat(3000))).toBe(false);
  const rows = '  ["a", { b: 1, c: [true, null] }],\n'.repeat(20_000);
  expect(isTooDeep(`const rows = [\n${rows}]\n`)).toBe(false);
});
