import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBun } from "../bun/binary.ts";
import { cleanCache } from "./cleanup.ts";
import { openCache } from "./content-cache.ts";
import { contentKey } from "./content-key.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "towermill-cache-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Another worker on the same folder: runs a piece of code with `cache` in scope. */
async function startWorker(code: string) {
  const module = fileURLToPath(new URL("./content-cache.ts", import.meta.url));
  const program = `import { openCache } from ${JSON.stringify(module)};
import { writeFile } from "node:fs/promises"; import { join } from "node:path";
const cache = openCache(${JSON.stringify(folder)}); ${code}`;
  return spawn((await findBun()) ?? "bun", ["-e", program], {
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("parts of a key cannot run into each other", () => {
  expect(contentKey(["ab", "c"])).not.toBe(contentKey(["a", "bc"]));
  expect(contentKey(["a", "b"])).toBe(contentKey(["a", "b"]));
});

test("an artefact is built once, however many ask at the same time", async () => {
  const cache = openCache(folder);
  let builds = 0;
  const install = async (artefact: string): Promise<void> => {
    builds += 1;
    await writeFile(join(artefact, "file"), "content");
  };
  const paths = await Promise.all([1, 2, 3].map(() => cache.installOnce("kind", "key", install)));
  expect(new Set(paths)).toEqual(new Set([join(folder, "kind", "key")]));
  expect(await cache.installOnce("kind", "key", install)).toBe(paths[0]);
  expect(builds).toBe(1);
});

test("what is published is readable by all and writable by none", async () => {
  const path = await openCache(folder).installOnce("kind", "key", async (artefact) => {
    await mkdir(join(artefact, "deep"), { mode: 0o700 });
    await writeFile(join(artefact, "deep", "tool"), "#!/bin/sh", { mode: 0o700 });
    await writeFile(join(artefact, "plain"), "", { mode: 0o600 });
    await chmod(artefact, 0o700);
  });
  const modes = await Promise.all(
    ["", "deep", "deep/tool", "plain"].map(async (name) => (await lstat(join(path, name))).mode & 0o777),
  );
  expect(modes).toEqual([0o755, 0o755, 0o555, 0o444]);
});

test("a failed build leaves nothing and can be tried again", async () => {
  const cache = openCache(folder);
  const failing = cache.installOnce("kind", "key", () => Promise.reject(new Error("no network")));
  await expect(failing).rejects.toThrow("no network");
  expect(await cache.find("kind", "key")).toBeNull();
  expect(await readdir(join(folder, ".building"))).toEqual([]);
  await cache.installOnce("kind", "key", (artefact) => writeFile(join(artefact, "file"), ""));
  expect(await cache.find("kind", "key")).not.toBeNull();
});

test("two workers that build the same artefact at the same time end with one whole artefact", async () => {
  const build = `for (let n = 0; n < 20; n++) await cache.installOnce("kind", "key" + n, async (f) => {
    for (let i = 0; i < 20; i++) await writeFile(join(f, "file" + i), "content" + n); });`;
  const workers = await Promise.all([startWorker(build), startWorker(build)]);
  const codes = await Promise.all(workers.map((worker) => once(worker, "close")));
  expect(codes.map(([code]) => code as number)).toEqual([0, 0]);
  for (const key of await readdir(join(folder, "kind"))) {
    expect(await readdir(join(folder, "kind", key))).toHaveLength(20);
  }
  expect(await readdir(join(folder, "kind"))).toHaveLength(20);
  expect(await readdir(join(folder, ".building"))).toEqual([]);
});

test("a worker killed while it builds leaves no half artefact, and clean-up takes its remains", async () => {
  const worker = await startWorker(
    `await cache.installOnce("kind", "key", async (f) => { await writeFile(join(f, "half"), ""); console.log("half"); await new Promise(() => setInterval(() => {}, 1000)); });`,
  );
  await once(worker.stdout, "data");
  worker.kill("SIGKILL");
  await once(worker, "close");
  const cache = openCache(folder);
  expect(await cache.find("kind", "key")).toBeNull();
  const path = await cache.installOnce("kind", "key", (artefact) => writeFile(join(artefact, "whole"), ""));
  expect(await readdir(path)).toEqual(["whole"]);
  expect(await readdir(join(folder, ".building"))).toHaveLength(1);
  await cleanCache({ folder, maxBytes: 1_000_000, keepUsedMs: -1000 });
  expect(await readdir(join(folder, ".building"))).toEqual([]);
  expect(await readFile(join(path, "whole"), "utf8")).toBe("");
});

test("clean-up removes what was used longest ago and keeps what is in use", async () => {
  const cache = openCache(folder);
  for (const [index, key] of ["old", "middle", "new"].entries()) {
    const path = await cache.installOnce("kind", key, (artefact) =>
      writeFile(join(artefact, "file"), "x".repeat(1000)),
    );
    const usedAt = Date.now() / 1000 - 7200 + index * 60;
    await utimes(path, usedAt, usedAt);
  }
  // Another worker looks it up: that counts as use.
  expect(await openCache(folder).find("kind", "old")).not.toBeNull();
  expect(await cleanCache({ folder, maxBytes: 2000 })).toEqual({ bytesBefore: 3000, bytesAfter: 2000, removed: 1 });
  expect((await readdir(join(folder, "kind"))).sort()).toEqual(["new", "old"]);
  expect(await cleanCache({ folder, maxBytes: 0 })).toMatchObject({ removed: 1 });
  expect(await readdir(join(folder, "kind"))).toEqual(["old"]);
});

test.each(["../x", "", "a/b", ".hidden", "x\0y"])("the key %j is refused", async (key) => {
  await expect(openCache(folder).installOnce("kind", key, () => Promise.resolve())).rejects.toThrow("cannot name");
});
