import { afterAll, describe, expect, test } from "vitest";
import { createEvaluator } from "./evaluator.ts";

const memoryMb = 64;
const evaluator = createEvaluator({ threads: 1, memoryMb, softMs: 250, hardMs: 750 });
afterAll(() => evaluator.close());

const run = (expr: string): Promise<string> =>
  evaluator.evaluate(expr, { inputs: { results: "{}" }, domain: "attack" });

/** Each came through QuickJS's own limits in a process without a thread and a memory of its own. */
const attacks: [string, string][] = [
  ["loops for ever", "for (;;) {}"],
  ["loops in promises", "const again = () => Promise.resolve().then(again); await again()"],
  ["grows a string", "let s = 'x'; for (;;) s += s + s"],
  ["keeps strings", "const all = []; for (;;) all.push('x'.repeat(1e6) + all.length)"],
  ["repeats natively", "let n = 0; for (let i = 0; i < 9e9; i++) n += 'x'.repeat(1e6).length; n"],
  ["searches natively", "const s = 'a'.repeat(2e6); for (;;) (s + 'b').indexOf('a'.repeat(1e6) + 'c')"],
  ["matches badly", "/^(a+)+$/.test('a'.repeat(40) + 'b')"],
  ["recurs for ever", "const f = () => f() + 1; f()"],
  ["nests arrays and prints them", "let a = []; for (let i = 0; i < 1e6; i++) a = [a]; JSON.stringify(a)"],
  ["nests text and reads it", "JSON.parse('['.repeat(1e6))"],
  ["nests source and runs it", "eval('('.repeat(1e6))"],
  ["fills buffers", "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))"],
  ["sorts with a comparison that never ends", "[3, 1, 2].sort(() => { for (;;) {} })"],
  ["throws what never prints", "throw { get message() { for (;;) {} } }"],
  ["answers with what never prints", "({ toJSON() { for (;;) {} } })"],
];

describe("an expression that", () => {
  test.each(attacks)(
    "%s ends in time with an error, and the next one works",
    async (_, expr) => {
      await run("1 + 1");
      const begin = performance.now();
      const before = process.memoryUsage().rss;
      await expect(run(expr)).rejects.toMatchObject({ name: "ExpressionError" });
      expect(performance.now() - begin).toBeLessThan(3000);
      expect(process.memoryUsage().rss - before).toBeLessThan((memoryMb + 200) * 2 ** 20);
      expect(await run("results.x === undefined")).toBe("true");
    },
    20_000,
  );
});

test("others wait for their turn behind an attack and get their answer", async () => {
  const attack = run("for (;;) {}").catch((error: Error) => error.message);
  const others = Array.from({ length: 20 }, (_, index) =>
    run(`${index} + results.length`.replace("results.length", "1")),
  );
  expect(await Promise.all(others)).toEqual(others.map((_, index) => String(index + 1)));
  expect(await attack).toMatch(/took longer than 250 ms/);
});

test("a closed evaluator answers nothing, and what was running fails", async () => {
  const closing = createEvaluator({ threads: 2, hardMs: 60_000, softMs: 60_000 });
  const running = closing.evaluate("for (;;) {}", { inputs: {}, domain: "d" }).catch((error: Error) => error.message);
  const waiting = Array.from({ length: 5 }, () =>
    closing.evaluate("for (;;) {}", { inputs: {}, domain: "d" }).catch((error: Error) => error.message),
  );
  await closing.close();
  expect(await Promise.all([running, ...waiting])).toEqual(
    Array.from({ length: 6 }, () => expect.stringMatching(/closed/)),
  );
  await expect(closing.evaluate("1 + x", { inputs: {}, domain: "d" })).rejects.toThrow(/closed/);
});
