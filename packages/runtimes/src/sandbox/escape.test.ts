import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTrial, type Trial } from "../trial.ts";
import { waitUntil } from "../trial-processes.ts";
import { attempts, type Attempts } from "../trial-attempts.ts";

const python = "/usr/bin/python3";
const limits = { processes: 64, fileBytes: 10 * 1024 * 1024, tmpMb: 32 };
const asRoot = process.getuid?.() === 0;

let home: string;
let server: Server;
let socket: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "towermill-platform-"));
  mkdirSync(join(home, "database"), { mode: 0o700 });
  writeFileSync(join(home, "database", "secret"), "canary", { mode: 0o600 });
  socket = join(home, "database", "socket");
  server = createServer().listen(socket);
  await new Promise((resolve) => server.once("listening", resolve));
});
afterAll(() => {
  server.close();
  rmSync(home, { recursive: true, force: true });
});

/** Levels this machine has; the ladder itself says so, by trying. */
async function startAt(level: "bubblewrap" | "unshare" | "uid"): Promise<Trial | null> {
  return startTrial({ isolation: level, python, limits }).catch((error: unknown) => {
    if (String(error).includes("does not work on this machine")) return null;
    throw error;
  });
}

describe.each(["bubblewrap", "unshare"] as const)("in a sandbox of %s", (level) => {
  let trial: Trial | null;
  beforeAll(async () => {
    trial = await startAt(level);
  });
  afterAll(() => trial?.stop());

  test("a job finds no way out", async ({ skip }) => {
    if (trial === null) return skip();
    expect(trial.executor.isolation.level).toBe(level);
    const controller = new AbortController();
    let running = false;
    const neighbour = trial.run("bash", "echo canary > mine; echo on; sleep 60", {
      domain: { workspace: "other", permissionedAs: "u/b", environment: "" },
      env: { WM_TOKEN: "canary" },
      signal: controller.signal,
      onLog: () => (running = true),
    });
    await waitUntil(() => running);
    const found = await attempts(trial, { socket, secret: join(home, "database", "secret"), worker: process.pid });
    controller.abort();
    await neighbour;
    const nothing: Attempts = {
      root: false,
      environments: [],
      canaries: [],
      writable: [],
      secret: false,
      connected: false,
      neighbours: [],
      killed: false,
      mounted: false,
      namespace: false,
      traced: false,
      chroot: false,
      device: false,
      symlink: false,
      // The job's own code and the public packages are all there is of the cache.
      bundles: 1,
    };
    // The first process of bubblewrap's sandbox is as confined as the job, and its own to break.
    const writable = found.writable.filter((path) => level !== "bubblewrap" || !path.startsWith("/proc/1/"));
    expect({ ...found, writable }).toEqual(nothing);
  });

  test("forks, files and /tmp are bounded and the next job finds all in order", async ({ skip }) => {
    if (trial === null) return skip();
    const forks =
      "import os, time\ndef main():\n    n = 0\n    try:\n        while n < 2000:\n            if os.fork() == 0:\n                time.sleep(60)\n            n += 1\n    except OSError:\n        pass\n    return n";
    const { outcome } = await trial.run("python3", forks);
    expect(outcome.status).toBe("success");
    expect(Number(outcome.status === "success" && outcome.result)).toBeLessThan(70);
    const disk =
      "head -c 20000000 /dev/zero > big; stat -c %s big; head -c 60000000 /dev/zero > /tmp/big; stat -c %s /tmp/big";
    const { log } = await trial.run("bash", disk);
    const sizes = log
      .split("\n")
      .filter((line) => /^\d+$/.test(line))
      .map(Number);
    expect(sizes.length).toBe(2);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(10 * 1024 * 1024);
    const after = await trial.run("bash", "ls /tmp | grep -c big || true");
    expect(after.outcome).toMatchObject({ status: "success", result: '"0"' });
  });

  test("the network is the host's and names resolve", async ({ skip }) => {
    if (trial === null) return skip();
    const { outcome } = await trial.run("bash", "getent hosts localhost > /dev/null && whoami | grep -c .");
    expect(outcome).toMatchObject({ status: "success", result: '"1"' });
  });
});

describe.runIf(asRoot)("with a user per runner", () => {
  test("a job is not root and reads neither the worker's nor a neighbour's secrets", async ({ skip }) => {
    const trial = await startAt("uid");
    if (trial === null) return skip();
    const found = await attempts(trial, { socket, secret: join(home, "database", "secret"), worker: process.pid });
    await trial.stop();
    expect(found).toMatchObject({
      root: false,
      canaries: [],
      writable: [],
      secret: false,
      connected: false,
      killed: false,
      mounted: false,
    });
  });
});

test("asking for what is not there is an error that says why", async () => {
  await expect(startTrial({ isolation: "uid", python: "/nonexistent/python3" })).rejects.toThrow(
    "/nonexistent/python3",
  );
});

test("no isolation at all says so loudly", async () => {
  const trial = await startTrial({ isolation: "none", python });
  expect(trial.executor.isolation.sentence).toContain("NOT ISOLATED");
  await trial.stop();
});
