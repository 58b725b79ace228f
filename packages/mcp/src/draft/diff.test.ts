import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unifiedDiff } from "./diff.ts";

/** Does what a diff says, by the numbers of its hunks. */
function apply(before: string, diff: string): string {
  if (diff === "") return before;
  const lines = before === "" ? [] : before.split("\n");
  const out: string[] = [];
  let at = 0;
  for (const line of diff.split("\n").slice(2)) {
    const [, old, count] = /^@@ -(\d+),(\d+) /.exec(line) ?? [];
    if (old !== undefined) {
      const start = Number(count) === 0 ? Math.max(at, Number(old) - 1) : Number(old) - 1;
      out.push(...lines.slice(at, start));
      at = start;
    } else if (line.startsWith("+")) out.push(line.slice(1));
    else {
      if (line.startsWith(" ")) out.push(lines[at] ?? "");
      expect(lines[at]).toBe(line.slice(1));
      at += 1;
    }
  }
  return [...out, ...lines.slice(at)].join("\n");
}

describe("unifiedDiff", () => {
  test("shows a change with three lines around it", () => {
    const before = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].join("\n");
    expect(unifiedDiff("x", before, before.replace("5", "five"))).toBe(
      "--- deployed/x\n+++ draft/x\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8",
    );
  });

  test("of equal texts is empty, and of a new one all additions", () => {
    expect(unifiedDiff("x", "a\nb", "a\nb")).toBe("");
    expect(unifiedDiff("x", "", "a\nb")).toBe("--- deployed/x\n+++ draft/x\n@@ -1,0 +1,2 @@\n+a\n+b");
  });

  test("leads from any text to any other", () => {
    const text = fc
      .array(fc.constantFrom("a", "b", "c", "d", "  e"), { maxLength: 30 })
      .map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(apply(before, unifiedDiff("x", before, after))).toBe(after);
      }),
    );
  });

  test("of two long texts without a common line is quick", () => {
    const long = (word: string): string => Array.from({ length: 20_000 }, (_, n) => `${word} ${n}`).join("\n");
    expect(unifiedDiff("x", long("a"), long("b")).split("\n")).toHaveLength(40_003);
  });
});
