import { join } from "node:path";
import { startProcess } from "@towermill/testkit";
import { expect, test } from "vitest";
import { root, startInstance } from "./support/instance.ts";

const instance = await startInstance();

const flowTest = async (...args: string[]): Promise<{ code: number | null; output: string }> => {
  const process_ = await startProcess({
    command: [process.execPath, join(root, "scripts/flow-test.mjs"), ...args],
    cwd: root,
    env: {},
  });
  const { code } = await process_.ended;
  return { code, output: process_.output() };
};

test("every flow in examples/flows does what its test file says", { timeout: 180_000 }, async () => {
  const folder = join(root, "examples/flows/tests");
  const { code, output } = await flowTest(folder, "--url", instance.url, "--token", instance.token);
  expect(output).not.toContain("FAIL");
  expect(output.match(/^ok {3}/gm)?.length).toBeGreaterThanOrEqual(16);
  expect(code).toBe(0);
});

test("a test run without a token, or without tests, says so and ends with 2", async () => {
  expect(await flowTest(root, "--url", instance.url)).toMatchObject({
    code: 2,
    output: expect.stringContaining("token"),
  });
  const nothing = await flowTest(join(root, "docs"), "--url", instance.url, "--token", instance.token);
  expect(nothing).toMatchObject({ code: 2, output: expect.stringContaining("holds no") });
});
