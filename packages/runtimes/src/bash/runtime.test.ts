import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runToolPlainly } from "../sandbox/tool.ts";
import { bashRuntime } from "./runtime.ts";

test("the script is written once, with its parameters in order", async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "towermill-bash-"));
  try {
    const runtime = bashRuntime({ cacheFolder, runTool: runToolPlainly });
    const prepared = await runtime.prepare(
      {
        jobId: "1",
        attempt: 1,
        language: "bash",
        domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
        script: { path: "../../etc/passwd", content: 'name="$1"\r\nage="${2:-3}"\r\necho $name', lock: null },
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
    expect(prepared.entry.startsWith(cacheFolder)).toBe(true);
    expect(await readFile(prepared.entry, "utf8")).toBe('name="$1"\nage="${2:-3}"\necho $name');
    expect(prepared.parameters.map((parameter) => parameter.name)).toEqual(["name", "age"]);
    expect(await runtime.detect()).toMatchObject({ available: true });
  } finally {
    await rm(cacheFolder, { recursive: true, force: true });
  }
});
