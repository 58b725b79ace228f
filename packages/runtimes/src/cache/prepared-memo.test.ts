import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RunRequest } from "../runtime.ts";
import { createPreparedMemo, type PreparedScript } from "./prepared-memo.ts";

function request(sources: Record<string, string>): RunRequest {
  return {
    jobId: "1",
    attempt: 1,
    language: "bun",
    domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
    script: { path: "f/a/b", content: "code", lock: "" },
    workspaceScripts: (path) => {
      const content = sources[path];
      return Promise.resolve(content === undefined ? null : { path, content, lock: "", language: "bun" });
    },
    entrypoint: "main",
    preprocess: false,
    args: "{}",
    env: {},
    timeoutMs: 1,
    memoryLimitMb: 1,
    fresh: false,
  };
}

function made(key: string, mounts: string[] = [], imports: [string, string][] = []): PreparedScript {
  return {
    prepared: { key, mounts, entry: "", parameters: [], hasPreprocessor: false, env: {} },
    imports: new Map(imports),
  };
}

test("equal requests are prepared once, also at the same time", async () => {
  const memo = createPreparedMemo();
  let count = 0;
  const prepare = (): Promise<PreparedScript> => Promise.resolve(made(String((count += 1))));
  const both = await Promise.all([memo.recall(request({}), prepare), memo.recall(request({}), prepare)]);
  expect([...both, await memo.recall(request({}), prepare)].map((prepared) => prepared.key)).toEqual(["1", "1", "1"]);
});

test("a failed or cancelled attempt of one job does not fail the next", async () => {
  const memo = createPreparedMemo();
  const first = memo.recall(request({}), () => Promise.reject(new Error("cancelled")));
  const second = memo.recall(request({}), () => Promise.resolve(made("second")));
  await expect(first).rejects.toThrow("cancelled");
  expect((await second).key).toBe("second");
});

test("an import that changed, or that the caller may not read, means preparing anew", async () => {
  const memo = createPreparedMemo();
  const imports: [string, string][] = [["f/a/lib", "one"]];
  const prepare = (key: string) => () => Promise.resolve(made(key, [], imports));
  await memo.recall(request({ "f/a/lib": "one" }), prepare("a"));
  expect((await memo.recall(request({ "f/a/lib": "one" }), prepare("b"))).key).toBe("a");
  expect((await memo.recall(request({}), prepare("c"))).key).toBe("c");
});

test("a folder that clean-up took means preparing anew", async () => {
  const folder = await mkdtemp(join(tmpdir(), "towermill-memo-"));
  let now = 1_000_000;
  const memo = createPreparedMemo(() => now);
  await memo.recall(request({}), () => Promise.resolve(made("a", [folder])));
  now += 60_000;
  expect((await memo.recall(request({}), () => Promise.resolve(made("b", [folder])))).key).toBe("a");
  await rm(folder, { recursive: true });
  now += 60_000;
  expect((await memo.recall(request({}), () => Promise.resolve(made("c")))).key).toBe("c");
});
