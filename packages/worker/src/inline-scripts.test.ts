import { expect, test } from "vitest";
import { lockInlineScripts } from "./inline-scripts.ts";

const code = (id: string, lock = ""): string =>
  `{"id":"${id}","value":{"type":"rawscript","language":"bun","content":"${id}","n":1.0${lock}}}`;

test("every inline script without a lock gets one, wherever it is; the rest stays to the letter", async () => {
  const flow = (lock: (id: string) => string): string =>
    `{"modules":[${code("a", lock("a"))},{"id":"l","value":{"type":"forloopflow","iterator":{"type":"static","value":[12345678901234567890]},"modules":[${code("b", lock("b"))}]}},` +
    `{"id":"o","value":{"type":"branchone","default":[${code("d", lock("d"))}],"branches":[{"expr":"true","modules":[${code("c", lock("c"))}]}]}},` +
    `{"id":"i","value":{"type":"identity"}}],"failure_module":${code("failure", lock("failure"))},"notes":[1e2]}`;
  const asked: string[] = [];
  const locked = await lockInlineScripts(
    flow(() => ""),
    async ({ step, language, content }) => {
      asked.push(`${step} ${language} ${content}`);
      return `lock of ${step}`;
    },
  );
  expect(asked.map((line) => line.split(" ")[0])).toEqual(["a", "b", "d", "c", "failure"]);
  expect(locked).toBe(flow((id) => `,"lock":"lock of ${id}"`));
});

test("locks that are there are kept, and languages without one stay without", async () => {
  const value = `{"modules":[${code("a", ',"lock":"kept"')},${code("b", ',"lock":""')},${code("c", ',"lock":null')}]}`;
  expect(await lockInlineScripts(value, async () => null)).toBe(value);
  const all = await lockInlineScripts(value, async ({ step }) => `new ${step}`);
  expect(JSON.parse(all)).toMatchObject({
    modules: [{ value: { lock: "kept" } }, { value: { lock: "" } }, { value: { lock: "new c" } }],
  });
});
