import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Prepared, RunIo, RunRequest } from "../runtime.ts";
import { type RunTool, runToolPlainly } from "../sandbox/tool.ts";
import { findDeno } from "./project.ts";
import { denoRuntime } from "./runtime.ts";

const execute = promisify(execFile);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "towermill-deno-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const quiet: RunIo = { log: () => undefined, stream: () => undefined };
const never = new AbortController().signal;
const offline: RunTool = (tool) => {
  tool.onOutput("error: connection refused\n");
  return Promise.resolve({ exitCode: 1, ended: "exit", output: "error: connection refused\n" });
};

function request(content: string, lock: string | null = ""): RunRequest {
  return {
    jobId: "1",
    attempt: 1,
    language: "deno",
    domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
    script: { path: "f/tools/hello", content, lock },
    workspaceScripts: (path) =>
      Promise.resolve(
        path === "f/tools/math" ? { path, content: "export const two: number = 2", lock: "", language: "deno" } : null,
      ),
    entrypoint: "main",
    preprocess: false,
    args: "{}",
    env: {},
    timeoutMs: 1000,
    memoryLimitMb: 100,
    fresh: false,
  };
}

async function call(prepared: Prepared): Promise<string> {
  const program = join(folder, "call.mjs");
  await import("node:fs/promises").then((fs) =>
    fs.writeFile(program, `const m = await import(Deno.args[0]); console.log(JSON.stringify(await m.main(3)));`),
  );
  const args = ["run", "-A", "--no-lock", "--no-remote", "--no-npm", "--cached-only", program, prepared.entry];
  const env = { PATH: "/usr/bin", HOME: folder, DENO_DIR: join(folder, "deno"), DENO_NO_UPDATE_CHECK: "1" };
  return (await execute((await findDeno()) ?? "deno", args, { env })).stdout.trim();
}

test("workspace imports, Node's modules and the SDK need no network", async () => {
  const source = `import { two } from "./math.ts";\nimport path from "path";\nimport * as wmill from "npm:windmill-client";\nexport const main = (n: number) => [n * two, path.join("a", "b"), typeof wmill.getVariable];`;
  const subject = denoRuntime({ cacheFolder: folder, runTool: offline });
  expect(await subject.lock({ ...request(source), dependencyFiles: {} }, quiet, never)).toEqual({
    status: "locked",
    lock: "",
  });
  expect(await call(await subject.prepare(request(source, null), quiet, never))).toBe(`[6,"a/b","function"]`);
});

test("npm packages are pinned and inlined; the second prepare needs no network", async () => {
  const source = `import isOdd from "npm:is-odd@3";\nexport function main(n: number) { return isOdd(n) }`;
  const online = denoRuntime({ cacheFolder: folder, runTool: runToolPlainly });
  const outcome = await online.lock({ ...request(source), dependencyFiles: {} }, quiet, never);
  if (outcome.status !== "locked") throw new Error(outcome.error.message);
  expect(JSON.parse(outcome.lock)).toMatchObject({ specifiers: { "npm:is-odd@3": "3.0.1" } });
  const prepared = await online.prepare(request(source, outcome.lock), quiet, never);
  expect(await call(prepared)).toBe("true");
  const again = await denoRuntime({ cacheFolder: folder, runTool: offline }).prepare(
    request(source, outcome.lock),
    quiet,
    never,
  );
  expect(again.key).toBe(prepared.key);
});

test("a registry that cannot be reached gives Deno's own words", async () => {
  const source = `import "jsr:@std/assert@1";\nexport function main() {}`;
  const outcome = await denoRuntime({ cacheFolder: folder, runTool: offline }).lock(
    { ...request(source), dependencyFiles: {} },
    quiet,
    never,
  );
  expect(outcome).toMatchObject({
    status: "failed",
    error: { name: "DependencyError", message: expect.stringContaining("connection refused") as string },
  });
});

test.each(["lodash", "file:///etc/passwd", "npm:--registry=x", "jsr:../../x", "/etc/passwd"])(
  "the import %s is refused",
  async (specifier) => {
    const subject = denoRuntime({ cacheFolder: folder, runTool: offline });
    const source = `import x from ${JSON.stringify(specifier)};\nexport function main() { return x }`;
    await expect(subject.prepare(request(source, null), quiet, never)).rejects.toMatchObject({
      jobError: { name: "ImportError" },
    });
  },
);
