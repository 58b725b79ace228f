import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { wantsNode } from "../bun/annotations.ts";
import { runToolPlainly } from "../sandbox/tool.ts";
import { nodejsRuntime } from "./runtime.ts";

const execute = promisify(execFile);

test.each([
  ["//nodejs\nexport function main() {}", true],
  ["// npm nodejs\n\nimport x from 'y'", true],
  ["import x from 'y'\n//nodejs", false],
  ["//nobundling\n//nodejs", true],
  ["// this is about nodejs", false],
])("%j runs on Node: %s", (content, node) => {
  expect(wantsNode(content)).toBe(node);
});

test("TypeScript newer than this Node is lowered for it", async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "towermill-nodejs-"));
  try {
    const content = `//nodejs
import fs from "fs";
const path = require("path");
function mark(value: unknown, context: unknown) { return value; }
class Box { @mark accessor size = 2; [Symbol.dispose]() {} }
export function main(n: number) { using box = new Box(); return [n * box.size, typeof fs.readFileSync, path.sep] }`;
    const prepared = await nodejsRuntime({ cacheFolder, runTool: runToolPlainly }).prepare(
      {
        jobId: "1",
        attempt: 1,
        language: "bun",
        domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
        script: { path: "f/a/b", content, lock: "" },
        workspaceScripts: () => Promise.resolve(null),
        entrypoint: "main",
        preprocess: false,
        args: "{}",
        env: {},
        timeoutMs: 1000,
        memoryLimitMb: 100,
        fresh: false,
      },
      { log: () => undefined, stream: () => undefined },
      new AbortController().signal,
    );
    const program = `import(process.argv[1]).then((m) => console.log(JSON.stringify(m.main(3))))`;
    const { stdout } = await execute(process.execPath, ["-e", program, prepared.entry]);
    expect(stdout.trim()).toBe(`[6,"function","/"]`);
  } finally {
    await rm(cacheFolder, { recursive: true, force: true });
  }
});
