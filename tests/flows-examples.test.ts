import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { databaseOverTcp, startProcess, testFolder } from "@towermill/testkit";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { root, startInstance } from "./support/instance.ts";

const instance = await startInstance();

const { resource, connections } = await databaseOverTcp();

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

test("every flow in examples/flows is of the schema that an instance publishes, and a broken one is not", async () => {
  const answer = await fetch(`${instance.url}/api/openflow.schema.json`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
  const fits = new Ajv2020({ strict: false }).compile((await answer.json()) as object);
  const folder = join(root, "examples/flows/f/examples");
  const flows = readdirSync(folder).filter((name) => name.endsWith(".flow"));
  expect(flows.length).toBeGreaterThan(10);
  for (const name of flows) {
    const { value } = parse(readFileSync(join(folder, name, "flow.yaml"), "utf8")) as { value: object };
    expect([name, fits(value), fits.errors]).toEqual([name, true, null]);
  }
  expect(fits({ modules: [{ id: "a", value: { type: "rawscript", language: "bun" } }] })).toBe(false);
});

test("a flow computes in the database that it is given", { timeout: 60_000 }, async () => {
  const folder = testFolder();
  const flow = relative(folder, join(root, "examples/flows/f/examples/mixed_report.flow"));
  const expected = { status: "success", result: "Average of 4 days: 13 degrees", steps: { average: "Success" } };
  const cases = [{ name: "in SQL", args: { days: 4, database: resource }, expect: expected }];
  writeFileSync(join(folder, "report.flow.test.yaml"), JSON.stringify({ flow, cases }));
  const { code, output } = await flowTest(folder, "--url", instance.url, "--token", instance.token);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(/^ok {3}/m) as unknown });
  expect(connections()).toBeGreaterThan(0);
});

test("a test run without a token, or without tests, says so and ends with 2", async () => {
  expect(await flowTest(root, "--url", instance.url)).toMatchObject({
    code: 2,
    output: expect.stringContaining("token"),
  });
  const nothing = await flowTest(join(root, "docs"), "--url", instance.url, "--token", instance.token);
  expect(nothing).toMatchObject({ code: 2, output: expect.stringContaining("holds no") });
});

test("what differs from what a test file expects is told, and the run ends with 1", { timeout: 60_000 }, async () => {
  const folder = testFolder();
  mkdirSync(join(folder, "sum.flow"));
  const step = { id: "a", value: { type: "identity" } };
  writeFileSync(join(folder, "sum.flow/flow.yaml"), JSON.stringify({ summary: "", value: { modules: [step] } }));
  const test_ = {
    flow: "sum.flow",
    cases: [
      {
        name: "right",
        args: { x: [1, { y: 2, z: 3 }] },
        expect: { result: { x: [1, { y: 2 }] }, steps: { a: "Success" } },
      },
      { name: "wrong", args: { x: 1 }, expect: { status: "failure", result: { x: 2 }, steps: { a: "Failure" } } },
      { name: "mocked nowhere", mocks: { b: 1 }, expect: {} },
      { name: "mocked", mocks: { a: { made: "up" } }, expect: { result: { made: "up" } } },
    ],
  };
  writeFileSync(join(folder, "sum.flow.test.yaml"), JSON.stringify(test_));
  const { code, output } = await flowTest(folder, "--url", instance.url, "--token", instance.token);
  expect(code).toBe(1);
  expect(output).toMatch(/^ok {3}sum: right/m);
  expect(output).toMatch(/^ok {3}sum: mocked \(/m);
  expect(output).toContain('status: expected "failure", found "success"');
  expect(output).toContain("result.x: expected 2, found 1");
  expect(output).toContain('step a: expected "Failure", found "Success"');
  expect(output).toContain("the flow has no step b");
});
