import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PrepareFailure } from "../cache/failure.ts";
import type { Prepared, RunIo, RunRequest, ScriptSource } from "../runtime.ts";
import { runToolPlainly, type RunTool } from "../sandbox/tool.ts";
import { findBun } from "./binary.ts";
import { bunRuntime } from "./runtime.ts";
import { mapStack } from "./stack.ts";
import { productClient } from "./product-client.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "towermill-bun-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const quiet: RunIo = { log: () => undefined, stream: () => undefined };
const never = new AbortController().signal;
/** Stands for a machine without network. */
const offline: RunTool = (tool) => {
  tool.onOutput("error: ConnectionRefused\n");
  return Promise.resolve({ exitCode: 1, ended: "exit", output: "error: connection refused\n" });
};

function request(content: string, others: Record<string, string> = {}, lock: string | null = ""): RunRequest {
  const script: ScriptSource = { path: "f/tools/hello", content, lock };
  return {
    jobId: "1",
    attempt: 1,
    language: "bun",
    domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
    script,
    workspaceScripts: (path) => {
      const found = others[path];
      return Promise.resolve(found === undefined ? null : { path, content: found, lock: "", language: "bun" });
    },
    entrypoint: "main",
    preprocess: false,
    args: "{}",
    env: {},
    timeoutMs: 1000,
    memoryLimitMb: 100,
    fresh: false,
  };
}

function runtime(runTool: RunTool = runToolPlainly, cacheFolder = folder) {
  return bunRuntime({ cacheFolder, runTool });
}

/** Calls an export of the bundle in bun and answers what it printed. */
async function call(prepared: Prepared, expression: string): Promise<string> {
  const bun = (await findBun()) ?? "";
  const code = `const m = await import(process.argv[1]); try { console.log(JSON.stringify(${expression})); } catch (e) { console.log(e.stack); }`;
  const child = spawn(bun, ["-e", code, prepared.entry], { env: { PATH: "/usr/bin" }, cwd: folder });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => child.on("close", resolve));
  return output.trim();
}

async function failure(promise: Promise<unknown>): Promise<PrepareFailure> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PrepareFailure)) throw new Error(`expected a PrepareFailure, got ${String(error)}`);
  return error;
}

describe("bundling", () => {
  test("keeps every named export and follows imports through the workspace, cycles included", async () => {
    const source = `import { twice } from "./math.ts";\nimport data from "/f/tools/deep/data";
export const version = await Promise.resolve(3);\nexport function preprocessor(e: unknown) { return e }
export function other() { return import.meta.url.startsWith("file://") }
export async function main(n: number) { return [twice(n), data.base] }`;
    const others = {
      "f/tools/math": `import { main as back } from "./hello";\nimport data from "../tools/deep/data.bun.ts";\nexport const twice = (n: number) => n * data.base; export const b = () => back;`,
      "f/tools/deep/data": `export default { base: 2 } as const`,
    };
    const prepared = await runtime(offline).prepare(request(source, others), quiet, never);
    expect(await call(prepared, "[await m.main(4), m.version, m.other()]")).toBe("[[8,2],3,true]");
    expect(prepared.hasPreprocessor).toBe(true);
    expect(prepared.parameters).toEqual([{ name: "n", kind: "plain", hasDefault: false }]);
  });

  test("is made anew when a script imported through another one changes", async () => {
    const subject = runtime(offline);
    const source = `import { a } from "./a"; export const main = () => a;export function x(){return a}`;
    const others = { "f/tools/a": `export { a } from "./b"`, "f/tools/b": "export const a = 1" };
    const first = await subject.prepare(request(source, others), quiet, never);
    expect((await subject.prepare(request(source, others), quiet, never)).key).toBe(first.key);
    const second = await subject.prepare(
      request(source, { ...others, "f/tools/b": "export const a = 2" }),
      quiet,
      never,
    );
    expect(second.key).not.toBe(first.key);
    expect(await call(second, "m.x()")).toBe("2");
  });

  test("says which import of which script is missing", async () => {
    const error = await failure(
      runtime(offline).prepare(
        request(`import { a } from "./a"; export function main() { return a }`, {
          "f/tools/a": `export { a } from "../gone/b.ts"`,
        }),
        quiet,
        never,
      ),
    );
    expect(error.jobError.name).toBe("ImportError");
    expect(error.message).toContain(`f/tools/a imports "../gone/b.ts", but there is no script "f/gone/b"`);
  });

  test.each(["/etc/passwd", "../../../etc/passwd", "../../../../u"])(
    "refuses the import %s, which leaves the workspace",
    async (specifier) => {
      const error = await failure(
        runtime(offline).prepare(
          request(`import x from "${specifier}"; export function main() { return x }`),
          quiet,
          never,
        ),
      );
      expect(error.message).toContain("outside the folders of the workspace");
    },
  );

  test.each([
    "--registry=http://x",
    "lodash@file:../../etc",
    "lodash@git+ssh://x/y",
    "a b;rm -rf $(HOME)",
    "..",
    "@x/../../y",
    "http://evil/x.js",
  ])("refuses %s as a package", async (specifier) => {
    const error = await failure(
      runtime(offline).prepare(
        request(`import x from ${JSON.stringify(specifier)}; export function main() { return x }`, {}, null),
        quiet,
        never,
      ),
    );
    expect(error.jobError.name).toBe("ImportError");
  });

  test("never takes packages or files of the platform itself", async () => {
    const error = await failure(
      runtime(offline).prepare(
        request(`import { z } from "esbuild"; export function main() { return z }`),
        quiet,
        never,
      ),
    );
    expect(error.message).toContain(`imports "esbuild", which the lock of the script does not provide`);
  });

  test("tells file, line, column and text of a syntax error, also in an imported script", async () => {
    const error = await failure(
      runtime(offline).prepare(request("export function main() {\n  const a b = 1;\n}"), quiet, never),
    );
    expect(error.jobError).toMatchObject({
      name: "SyntaxError",
      file: "f/tools/hello.ts",
      line: 2,
      column: 11,
      text: "  const a b = 1;",
    });
    const other = await failure(
      runtime(offline).prepare(
        request(`import "./a"; export function main() {}`, { "f/tools/a": "let 1" }),
        quiet,
        never,
      ),
    );
    expect(other.jobError).toMatchObject({ name: "SyntaxError", file: "f/tools/a.ts", line: 1 });
  });

  test("refuses sources nested so deeply that they would end the compiler", async () => {
    for (const deep of [`${"(".repeat(200_000)}1${")".repeat(200_000)}`, `${"!".repeat(200_000)}1`]) {
      const content = `import "./a"; export function main() {}`;
      const error = await failure(
        runtime(offline).prepare(request(content, { "f/tools/a": `export const x = ${deep}` }), quiet, never),
      );
      expect(error.message).toContain("nested too deeply");
    }
  });

  test("maps stacks of a bundle back to workspace lines", async () => {
    const source = `import { fail } from "./a";\n\ninterface Gone {\n  x: number;\n}\nexport function main(g: Gone) {\n  return [fail(g)];\n}`;
    const prepared = await runtime(offline).prepare(
      request(source, {
        "f/tools/a": `type T = {\n};\nexport function fail(x: unknown) {\n  throw new Error("boom");\n}`,
      }),
      quiet,
      never,
    );
    const stack = await mapStack(await call(prepared, "m.main()"), prepared.entry);
    expect(stack).toMatch(/fail \(f\/tools\/a\.ts:4:\d+\)/);
    expect(stack).toMatch(/main \(f\/tools\/hello\.ts:7:\d+\)/);
  });

  test("accepts JSX, decorators, casts and resources that end with the block", async () => {
    const tsx = await runtime(offline).prepare(
      request(
        `const h = (t: string, ...rest: unknown[]) => ({ t });\nconst React = { createElement: h };\nexport function main() { return <b>x</b> }`,
      ),
      quiet,
      never,
    );
    expect(await call(tsx, "m.main()")).toBe(`{"t":"b"}`);
    const casts = `// ends with /> here\nfunction mark(v: any, c: any) { return v }\n@mark class A { @mark run() { return <number>(1 as any) } }\nexport function main() { using r = { [Symbol.dispose]() {} }; return new A().run() }`;
    expect(await call(await runtime(offline).prepare(request(casts), quiet, never), "m.main()")).toBe("1");
  });

  test("inlines the SDK without network, locked or not", async () => {
    const source = `import * as wmill from "windmill-client"; export function main() { return [typeof wmill.getVariable, typeof wmill.setClient] }`;
    const preview = await runtime(offline).prepare(request(source, {}, null), quiet, never);
    expect(await call(preview, "m.main()")).toBe(`["function","function"]`);
    expect(preview.mounts).toHaveLength(1);
    const lock = await runtime(offline).lock({ ...request(source), dependencyFiles: {} }, quiet, never);
    expect(lock).toEqual({
      status: "locked",
      lock: `{\n  "dependencies": {\n    "windmill-client": "${productClient.version}"\n  }\n}\n//bun.lock\n<empty>`,
    });
    const locked = await runtime(offline).prepare(
      request(source, {}, lock.status === "locked" ? lock.lock : ""),
      quiet,
      never,
    );
    expect(locked.key).toBe(preview.key);
  });
});

describe("locks", () => {
  test("name nothing for a script without packages", async () => {
    const lock = await runtime(offline).lock(
      {
        ...request(
          `import fs from "node:fs"; import { $ } from "bun"; import p from "path"; export function main() { return [fs, $, p] }`,
        ),
        dependencyFiles: {},
      },
      quiet,
      never,
    );
    expect(lock).toEqual({ status: "locked", lock: `{\n  "dependencies": {}\n}\n//bun.lock\n<empty>` });
  });

  test("end as a job error with the resolver's own words when the registry has no such package", async () => {
    const lock = await runtime().lock(
      {
        ...request(`import x from "towermill-no-such-package-1f3a"; export function main() { return x }`),
        dependencyFiles: {},
      },
      quiet,
      never,
    );
    expect(lock.status).toBe("failed");
    if (lock.status === "failed") expect(lock.error.message).toMatch(/towermill-no-such-package-1f3a.*(?:404|failed)/);
  });

  test("refuse two versions of one package", async () => {
    const lock = await runtime(offline).lock(
      {
        ...request(`import "lodash@3"; import "./a"; export function main() {}`, { "f/tools/a": `import "lodash@4"` }),
        dependencyFiles: {},
      },
      quiet,
      never,
    );
    expect(lock).toMatchObject({ status: "failed", error: { name: "DependencyError" } });
  });

  test("pin packages found through workspace imports; a second prepare needs no network", async () => {
    const own = await mkdtemp(join(folder, "own-"));
    const source = `import isOdd from "is-odd@3.0.1";\nimport { even } from "./a";\nexport function main(n: number) { return [isOdd(n), even(n)] }`;
    const others = { "f/tools/a": `import isEven from "is-even";\nexport const even = isEven;` };
    const outcome = await runtime(runToolPlainly, own).lock(
      { ...request(source, others), dependencyFiles: {} },
      quiet,
      never,
    );
    if (outcome.status !== "locked") throw new Error(outcome.error.message);
    expect(outcome.lock).toContain(`"is-odd": "3.0.1"`);
    expect(outcome.lock).toMatch(/\n\/\/bun\.lock\n\{/);
    const prepared = await runtime(runToolPlainly, own).prepare(request(source, others, outcome.lock), quiet, never);
    expect(await call(prepared, "m.main(3)")).toBe("[true,false]");
    expect(prepared.mounts).toHaveLength(1);
    await rm(prepared.entry.replace("/script.mjs", ""), { recursive: true });
    const again = await runtime(offline, own).prepare(request(source, others, outcome.lock), quiet, never);
    expect(again.key).toBe(prepared.key);
    expect(await readdir(join(own, ".building"))).toEqual([]);
    const kept = await runtime(offline, own).prepare(
      request(`//nobundling\n${source}`, others, outcome.lock),
      quiet,
      never,
    );
    expect(kept.mounts).toHaveLength(2);
    expect(await readFile(kept.entry, "utf8")).toContain("/node_modules/is-odd/");
    expect(await call(kept, "m.main(3)")).toBe("[true,false]");
  });

  test("leave packages with machine code as files and keep registry tokens out of them", async () => {
    const own = await mkdtemp(join(folder, "own-"));
    await writeFile(join(own, "npmrc"), "//registry.example.invalid/:_authToken=top-secret\n");
    process.env["npm_config_userconfig"] = join(own, "npmrc");
    try {
      const source = `import { crc32 } from "@node-rs/crc32";\nexport function main() { return crc32("a") }`;
      const prepared = await runtime(runToolPlainly, own).prepare(request(source, {}, null), quiet, never);
      expect(await call(prepared, "m.main()")).toBe("3904355907");
      const installed = prepared.mounts[1] ?? "";
      expect((await readdir(installed)).sort()).toEqual(["native", "node_modules"]);
    } finally {
      delete process.env["npm_config_userconfig"];
    }
  });
});
