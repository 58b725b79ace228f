import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PrepareFailure } from "../cache/failure.ts";
import type { Prepared, RunIo, RunRequest } from "../runtime.ts";
import { type RunTool, runToolPlainly } from "../sandbox/tool.ts";
import { findPython } from "./interpreter.ts";
import { pythonRuntime } from "./runtime.ts";

const execute = promisify(execFile);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "towermill-python-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const quiet: RunIo = { log: () => undefined, stream: () => undefined };
const never = new AbortController().signal;
const offline: RunTool = (tool) => {
  if (!tool.args.includes("pip")) return runToolPlainly(tool);
  tool.onOutput("ERROR: connection refused\n");
  return Promise.resolve({ exitCode: 1, ended: "exit", output: "error: connection refused\n" });
};

function request(content: string, others: Record<string, string> = {}, lock: string | null = ""): RunRequest {
  return {
    jobId: "1",
    attempt: 1,
    language: "python3",
    domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
    script: { path: "f/my-tools/hello", content, lock },
    workspaceScripts: (path) => {
      const found = others[path];
      return Promise.resolve(found === undefined ? null : { path, content: found, lock: "", language: "python3" });
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
  return pythonRuntime({ cacheFolder, runTool });
}

/** Imports the entry by its dotted name, as the runner does, and prints what `expression` gives. */
async function call(prepared: Prepared, expression: string): Promise<string> {
  const root = prepared.mounts[0] ?? "";
  const module = prepared.entry.slice(root.length + 1, -".py".length).replaceAll("/", ".");
  const program = `import importlib, json; m = importlib.import_module("${module}"); print(json.dumps(${expression}))`;
  const command = (await findPython())?.command ?? "python3";
  return (
    await execute(command, ["-c", program], { env: { ...prepared.env, PYTHONDONTWRITEBYTECODE: "1" } })
  ).stdout.trim();
}

describe("workspace imports", () => {
  const others = {
    "f/lib/math": "from .deep.base import BASE\nfrom f.lib import words\ndef twice(n):\n    return n * BASE, words.HI",
    "f/lib/deep/base": "BASE = 2",
    "f/lib/words": "HI = 'hi'",
    "f/my-tools/near": "import f.lib.words\nNEAR = f.lib.words.HI",
  };

  test("are found through relative, absolute and package imports, whatever the script's own name", async () => {
    const source =
      "from f.lib.math import twice\nfrom .near import NEAR\nfrom . import near\n\ndef main(n: int, k='x'):\n    return twice(n), NEAR, near.NEAR";
    const prepared = await runtime(offline).prepare(request(source, others), quiet, never);
    expect(await call(prepared, "m.main(4)")).toBe(`[[8, "hi"], "hi", "hi"]`);
    expect(prepared.parameters).toEqual([
      { name: "n", kind: "plain", hasDefault: false },
      { name: "k", kind: "plain", hasDefault: true },
    ]);
  });

  test("may form a cycle", async () => {
    const cycle = {
      "f/lib/a": "import f.lib.b\ndef one():\n    return 1",
      "f/lib/b": "import f.lib.a\ndef two():\n    return f.lib.a.one() + 1",
    };
    const prepared = await runtime(offline).prepare(
      request("from f.lib.b import two\ndef main():\n    return two()", cycle),
      quiet,
      never,
    );
    expect(await call(prepared, "m.main()")).toBe("2");
  });

  test.each([
    ["from f.lib.gone import x", `no script "f/lib/gone" or "f/lib/gone/x"`],
    ["from .....etc import passwd", "leaves the workspace"],
  ])("%s fails with who imports what", async (statement, sentence) => {
    await expect(runtime(offline).prepare(request(`${statement}\ndef main(): pass`), quiet, never)).rejects.toThrow(
      sentence,
    );
  });
});

describe("requirements", () => {
  test("hold nothing for the standard library", async () => {
    const lock = await runtime(offline).lock(
      { ...request("import os, json\nfrom datetime import date\ndef main(): pass"), dependencyFiles: {} },
      quiet,
      never,
    );
    expect(lock).toEqual({ status: "locked", lock: expect.stringMatching(/^# py: 3\.\d+$/) as string });
  });

  test.each([
    "--index-url=file:///etc",
    "-r /etc/passwd",
    "x @ file:///etc/passwd",
    "./here",
    "a; rm -rf $(x)\u0000",
    "-e .",
  ])("refuse the line %s", async (line) => {
    const lock = await runtime(offline).lock(
      { ...request(`#requirements:\n#${line}\n\ndef main(): pass`), dependencyFiles: {} },
      quiet,
      never,
    );
    expect(lock).toMatchObject({ status: "failed", error: { name: "DependencyError" } });
  });

  test("refuse a lock that carries options", async () => {
    const tried = runtime(offline).prepare(
      request("def main(): pass", {}, "# py: 3.11\n--find-links=/etc\n"),
      quiet,
      never,
    );
    await expect(tried).rejects.toBeInstanceOf(PrepareFailure);
  });

  test("ask for a Python the worker does not have in one clear sentence", async () => {
    const lock = await runtime(offline).lock(
      { ...request("# py: >=3.99\ndef main(): pass"), dependencyFiles: {} },
      quiet,
      never,
    );
    expect(lock).toMatchObject({ status: "failed", error: { name: "PythonVersionError" } });
  });

  test("that no index has fail with the resolver's words", async () => {
    const lock = await runtime().lock(
      { ...request("import towermill_no_such_package_1f3a\ndef main(): pass"), dependencyFiles: {} },
      quiet,
      never,
    );
    expect(lock.status).toBe("failed");
    if (lock.status === "failed") expect(lock.error.message).toMatch(/towermill.no.such.package.1f3a/);
  });

  test("are resolved through workspace imports, installed once, and need no network after that", async () => {
    const own = await mkdtemp(join(folder, "own-"));
    const source =
      "import yaml # pin: PyYAML>=6\nfrom f.lib.a import six\n\ndef main():\n    return yaml.safe_load('a: 1'), six.__name__";
    const others = { "f/lib/a": "import six" };
    const outcome = await runtime(runToolPlainly, own).lock(
      { ...request(source, others), dependencyFiles: {} },
      quiet,
      never,
    );
    if (outcome.status !== "locked") throw new Error(outcome.error.message);
    expect(outcome.lock).toMatch(/^# py: 3\.\d+\npyyaml==6\S*\nsix==\S+$/);
    const prepared = await runtime(runToolPlainly, own).prepare(request(source, others, outcome.lock), quiet, never);
    expect(await call(prepared, "m.main()")).toBe(`[{"a": 1}, "six"]`);
    expect(prepared.mounts).toHaveLength(3);
    const six = prepared.mounts.find((path) => path.includes("/six-")) ?? "";
    expect((await readdir(join(six, "__pycache__"))).length).toBeGreaterThan(0);
    expect(await readdir(join(own, ".building"))).toEqual([]);
    await rm(join(own, "python"), { recursive: true });
    const again = await runtime(offline, own).prepare(request(source, others, outcome.lock), quiet, never);
    expect(again.key).toBe(prepared.key);
  });
});
