import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, startInstance } from "../support/instance.ts";
import { cliOf } from "../support/wmill.ts";

const instance = await startInstance();
const cli = await cliOf(instance, "flows");

function write(name: string, text: string): string {
  const path = join(cli.folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return name;
}

const read = (name: string) => readFileSync(join(cli.folder, name), "utf8");
write("wmill.yaml", 'defaultTs: bun\nincludes: ["**"]\nexcludes: []\n');

const folder = "u/admin/greeting.flow";
const flow = `summary: Greets everybody
description: ''
value:
  modules:
    - id: a
      summary: Names
      value:
        type: rawscript
        content: '!inline names.inline_script.ts'
        input_transforms:
          count: { type: javascript, expr: flow_input.count }
        language: bun
    - id: b
      value:
        type: forloopflow
        iterator: { type: javascript, expr: results.a }
        skip_failures: false
        parallel: false
        modules:
          - id: c
            value:
              type: rawscript
              content: '!inline greet.inline_script.py'
              input_transforms:
                name: { type: javascript, expr: flow_input.iter.value }
              language: python3
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  type: object
  properties:
    count: { type: integer }
  required: [count]
`;

function writeFlow(): void {
  write(`${folder}/flow.yaml`, flow);
  write(
    `${folder}/names.inline_script.ts`,
    `import pad from "left-pad@1.3.0";
export function main(count: number) {
  console.log("making " + count + " names");
  return Array.from({ length: count }, (_, i) => pad("n" + i, 4));
}
`,
  );
  write(
    `${folder}/greet.inline_script.py`,
    `def main(name: str):\n    print(f"greeting {name}")\n    return f"Hello {name}"\n`,
  );
}

describe("a flow of files", () => {
  writeFlow();

  test("gets the locks of its inline scripts from generate-metadata", { timeout: 90_000 }, async () => {
    await cli.ok("generate-metadata", "--yes");
    expect(read(`${folder}/names.inline_script.lock`)).toContain("left-pad@1.3.0");
    expect(read(`${folder}/flow.yaml`)).toContain("!inline names.inline_script.lock");
  });

  test("is pushed, pushed again without a change, listed and shown", { timeout: 60_000 }, async () => {
    await cli.ok("flow", "push", folder, "u/admin/greeting");
    expect(await cli.json<object[]>("flow", "list")).toMatchObject([
      { path: "u/admin/greeting", summary: "Greets everybody" },
    ]);
    expect(await cli.json("flow", "get", "u/admin/greeting")).toMatchObject({
      path: "u/admin/greeting",
      value: { modules: [{ id: "a" }, { id: "b" }] },
    });
    expect(await cli.ok("flow", "push", folder, "u/admin/greeting")).toContain("up to date");
    const history = await cli.json<{ id: number }[]>("flow", "history", "u/admin/greeting");
    expect(history).toHaveLength(1);
    expect(await cli.json("flow", "show-version", "u/admin/greeting", String(history[0]?.id))).toMatchObject({
      path: "u/admin/greeting",
    });
  });

  test("runs with the logs of its steps as they come, iterations one by one", { timeout: 60_000 }, async () => {
    const output = await cli.ok("flow", "run", "u/admin/greeting", "-d", '{"count":2}');
    expect(output).toContain("====== a: Names ======");
    expect(output).toContain("making 2 names");
    expect(output).toContain("(iteration 1)");
    expect(output).toContain("Flow ran to completion");
    expect(output).toContain('"Hello   n1"');
    expect(await cli.ok("flow", "run", "u/admin/greeting", "-s", "-d", '{"count":1}')).toContain('["Hello   n0"]');
    expect((await cli.run("flow", "run", "u/admin/greeting")).output).toContain("Missing required");
  });

  test("is tried out before it is pushed, as a whole or one step of it", { timeout: 60_000 }, async () => {
    write(`${folder}/greet.inline_script.py`, `def main(name: str):\n    return f"Howdy {name}"\n`);
    expect(await cli.ok("flow", "preview", folder, "-d", '{"count":1}')).toContain("Howdy   n0");
    expect(await cli.ok("flow", "preview", folder, "--step", "c", "-d", '{"name":"Ada"}')).toContain("Howdy Ada");
    expect(await cli.ok("flow", "run", "u/admin/greeting", "-s", "-d", '{"count":1}')).toContain("Hello   n0");
  });

  test("is listed among jobs, shown with its steps, and taken up again", { timeout: 60_000 }, async () => {
    const jobs = await cli.json<{ id: string; job_kind: string }[]>("job", "list", "--script-path", "u/admin/greeting");
    const id = jobs.find(({ job_kind }) => job_kind === "flow")?.id ?? "";
    expect(await cli.ok("job", "get", id)).toContain("Names");
    expect(await cli.ok("job", "restart", id, "--step", "b")).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/);
    expect(await cli.ok("job", "rerun", id)).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/);
  });
});

test(
  "the example flows are deployed by sync push, and pushing again finds nothing to change",
  { timeout: 90_000 },
  async () => {
    const examples = await cliOf(instance, "examples");
    cpSync(join(root, "examples/flows"), examples.folder, { recursive: true });
    await examples.ok("sync", "push", "--yes");
    expect(await examples.json<object[]>("flow", "list")).toHaveLength(12);
    expect(await examples.ok("flow", "run", "f/examples/my_flow", "-s", "-d", "{}")).toContain("Hello");
    expect(await examples.ok("sync", "push", "--yes")).toContain("0 changes to apply");
  },
);
