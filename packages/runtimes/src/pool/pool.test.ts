import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunOutcome } from "../runtime.ts";
import { startTrial, type Trial } from "../trial.ts";
import { descendants, processesNamed, waitUntil } from "../trial-processes.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial({ limits: { logBytes: 1024 * 1024, maxJobs: 5, maxRunners: 6 } });
});
afterAll(async () => {
  await trial.stop();
});

function result(outcome: RunOutcome): unknown {
  if (outcome.status !== "success") throw new Error(JSON.stringify(outcome));
  return JSON.parse(outcome.result);
}

describe("output", () => {
  test("all that was written before the answer is there before it, in order, from child processes too", async () => {
    const code = `import { execSync } from "node:child_process"; import { writeSync } from "node:fs";
      export function main() { for (let i = 0; i < 200; i++) { console.log("out" + i); writeSync(2, "err" + i + "\\n"); }
      execSync("echo child; echo child >&2", { stdio: "inherit" }); return 1; }`;
    const { log } = await trial.run("bun", code);
    const expected = Array.from({ length: 200 }, (_, i) => `out${i}\nerr${i}\n`).join("") + "child\nchild\n";
    expect(log).toBe(expected);
  });

  test("broken UTF-8 and NUL become U+FFFD and characters cut between two writes stay whole", async () => {
    const { log } = await trial.run("bash", "printf 'a\\xff\\0b\\xc3'; sleep 0.05; printf '\\xa9\\n'");
    expect(log).toBe("a\uFFFD\uFFFDb\u00e9\n");
  });

  test("100 MB of output neither stops the job nor grows the log beyond its limit, and the last line is still known", async () => {
    let length = 0;
    const before = process.memoryUsage().rss;
    const { outcome } = await trial.run("bash", "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo end", {
      onLog: (text) => (length += text.length),
    });
    expect(result(outcome)).toBe("end");
    expect(length).toBeLessThan(1_100_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });
});

describe("ending", () => {
  const loop =
    "export async function main() { console.log('on'); for (;;) await new Promise((r) => setTimeout(r, 1000)); }";

  test.each([
    ["bun", loop],
    ["bun", "export function main() { console.log('on'); for (;;); }"],
    ["python3", "import time\ndef main():\n    print('on')\n    time.sleep(60)"],
    ["bash", "echo on; setsid sleep 61 & sleep 60"],
  ] as const)("cancel ends a job of %s within two seconds, whatever it started", async (language, code) => {
    const controller = new AbortController();
    let began = 0;
    const { outcome } = await trial.run(language, code, {
      signal: controller.signal,
      onLog: () => {
        began = performance.now();
        controller.abort();
      },
    });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(outcome).toMatchObject({ status: "failure", reason: "canceled" });
    expect(processesNamed("sleep 61")).toEqual([]);
  });

  test("the time limit ends a job and says so", async () => {
    const { outcome, took } = await trial.run("bun", loop, { timeoutMs: 300 });
    expect(outcome).toMatchObject({ status: "failure", reason: "timeout" });
    expect(took).toBeLessThan(3000);
  });

  test("a job canceled before it starts does not run", async () => {
    const { outcome, log } = await trial.run("bun", loop, { signal: AbortSignal.abort() });
    expect([outcome.status === "failure" && outcome.reason, log]).toEqual(["canceled", ""]);
  });

  test.each([
    ["bun", "export function main() { const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1)); }"],
    ["python3", "def main():\n    a = []\n    while True:\n        a.append(bytearray(b'x' * (1 << 20)))"],
    ["bash", "a=x; while true; do a=$a$a; done"],
  ] as const)("a job of %s above its memory limit fails and says which", async (language, code) => {
    const { outcome } = await trial.run(language, code, { memoryLimitMb: 200 });
    expect(outcome).toMatchObject({ status: "failure", reason: "memory" });
    expect(JSON.stringify(outcome)).toContain("200 MiB");
    expect(result((await trial.run("bun", "export function main() { return 'alive'; }")).outcome)).toBe("alive");
  });
});

describe("reuse", () => {
  const leaky = `import { writeFileSync, readdirSync } from "node:fs";
    export function main() { const seen = { env: process.env.LEFT ?? null, files: readdirSync("."), tmp: readdirSync("/tmp").includes("left"), exit: process.exitCode || null,
      listeners: process.listenerCount("exit"), ticks: globalThis.ticks ?? 0, argument: process.env.GIVEN ?? null };
      process.env.LEFT = "1"; writeFileSync("left", ""); writeFileSync("/tmp/left", ""); process.on("exit", () => {}); process.exitCode = 3;
      globalThis.ticks = 0; setInterval(() => globalThis.ticks++, 1); return seen; }`;
  const clean = { env: null, files: [], tmp: false, exit: null, listeners: 0, ticks: 0 };

  test("environment, folder, /tmp, timers, listeners and exit code are new for each job of a process", async () => {
    const first = await trial.run("bun", leaky, { env: { GIVEN: "a" } });
    expect(result(first.outcome)).toEqual({ ...clean, argument: "a" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const second = await trial.run("bun", leaky);
    expect(second.outcome.runner).toBe("reused");
    expect(result(second.outcome)).toEqual({ ...clean, argument: null });
  });

  const pid = "export function main() { globalThis.seen = (globalThis.seen ?? 0) + 1; return globalThis.seen; }";

  test("a process serves one domain only: workspace, user, environment and code", async () => {
    const base = { workspace: "w", permissionedAs: "u/a", environment: "" };
    for (const change of [{}, { workspace: "x" }, { permissionedAs: "u/b" }, { environment: "e" }]) {
      const { outcome } = await trial.run("bun", pid, { domain: { ...base, ...change } });
      expect(result(outcome)).toBe(1);
    }
    expect(result((await trial.run("bun", pid)).outcome)).toBe(2);
    expect(result((await trial.run("bun", `${pid}\n`)).outcome)).toBe(1);
  });

  test("steps of one version of a flow share a process, each with its own code; another version has its own", async () => {
    const base = { workspace: "w", permissionedAs: "u/a", environment: "" };
    const step = async (flowVersion: string, n: number): Promise<unknown> => {
      const code = `export function main() { globalThis.steps = (globalThis.steps ?? 0) + 1; return [${n}, globalThis.steps]; }`;
      return result((await trial.run("bun", code, { domain: { ...base, flowVersion } })).outcome);
    };
    const seen = [await step("7", 0), await step("7", 1), await step("7", 0), await step("8", 0)];
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
      [0, 3],
      [0, 1],
    ]);
  });

  test("a fresh job has a process of its own, before and after", async () => {
    const code = `${pid}\n// fresh`;
    for (let run = 0; run < 2; run += 1)
      expect(result((await trial.run("bun", code, { fresh: true })).outcome)).toBe(1);
    expect(result((await trial.run("bun", code)).outcome)).toBe(1);
  });

  test("a process that left children behind, or has served enough jobs, is not used again", async () => {
    const code = `import { spawn } from "node:child_process"; export function main() { spawn("sleep", ["62"], { detached: true, stdio: "ignore" }).unref(); return 1; }`;
    expect(result((await trial.run("bun", code)).outcome)).toBe(1);
    expect((await trial.run("bun", code)).outcome.runner).not.toBe("reused");
    await waitUntil(() => processesNamed("sleep 62").length === 0);
    const counted = `${pid}\n// counted`;
    const seen: unknown[] = [];
    for (let run = 0; run < 7; run += 1) seen.push(result((await trial.run("bun", counted)).outcome));
    expect(seen).toEqual([1, 2, 3, 4, 5, 1, 2]);
  });

  test("idle processes make room, so their number stays below the limit", async () => {
    for (let run = 0; run < 10; run += 1) await trial.run("bun", `${pid}\n// ${run}`);
    const { blank, idle, busy } = trial.executor.stats();
    expect(blank + idle + busy).toBeLessThanOrEqual(6);
  });

  test("nothing secret is in the environment a process was started with", async () => {
    const code = `import { readFileSync } from "node:fs"; export function main() { return readFileSync("/proc/self/environ", "utf8"); }`;
    const { outcome } = await trial.run("bun", code, { env: { WM_TOKEN: "very-secret" } });
    expect(String(result(outcome))).not.toContain("very-secret");
  });
});

describe("loss", () => {
  test("a script that forges an answer harms only itself", async () => {
    for (const forged of [
      '{"kind":"success","bytes":5}\\n{oops',
      '{"kind":"failure","bytes":4}\\nnull',
      "nonsense\\n",
    ]) {
      const code = `import { readdirSync, readlinkSync, writeSync } from "node:fs"; export async function main() { for (const fd of readdirSync("/proc/self/fd")) try { if (Number(fd) > 2) writeSync(Number(fd), '${forged}'); } catch {} await new Promise((r) => setTimeout(r, 2000)); }`;
      const { outcome } = await trial.run("bun", code);
      expect(outcome).toMatchObject({ status: "failure", reason: "exit" });
    }
    expect(result((await trial.run("bun", "export function main() { return 1; }")).outcome)).toBe(1);
  });

  test("a process killed from outside fails its job and the next job gets another", async () => {
    const code = `export async function main(wait) { console.log("on"); if (wait) await new Promise((r) => setTimeout(r, 60000)); return 1; }`;
    const { outcome } = await trial.run("bun", code, {
      args: { wait: true },
      onLog: () => {
        for (const each of descendants(process.pid)) if (each.command.includes("javascript.mjs")) killIfThere(each.pid);
      },
    });
    expect(outcome).toMatchObject({ status: "failure", reason: "exit" });
    expect(result((await trial.run("bun", code)).outcome)).toBe(1);
  });

  test("when the launcher is killed, running jobs are lost as set-up failures, nothing keeps running, and the next job runs", async () => {
    const code = `export async function main(wait) { console.log("on"); if (wait) await new Promise((r) => setTimeout(r, 60000)); return 1; }`;
    const launcher = descendants(process.pid).find((each) => each.command.includes("launcher.py"));
    const { outcome } = await trial.run("bun", `${code}// 2`, {
      args: { wait: true },
      onLog: () => process.kill(launcher?.pid ?? 0, "SIGKILL"),
    });
    expect(outcome).toMatchObject({ status: "failure", reason: "setup", error: { name: "RunnerLost" } });
    expect(result((await trial.run("bun", code)).outcome)).toBe(1);
  });

  test("stopping leaves no process, no folder and no control group", async () => {
    const other = await startTrial();
    await other.run("bun", "export function main() { return 1; }");
    const running = other.run("bash", "setsid sleep 63 & sleep 63");
    await waitUntil(() => processesNamed("sleep 63").length > 0);
    await other.executor.stop();
    expect((await running).outcome).toMatchObject({
      status: "failure",
      reason: "setup",
      error: { name: "RunnerLost" },
    });
    expect(processesNamed("sleep 63")).toEqual([]);
    expect(readdirSync(join(other.folder, "worker"))).toEqual([]);
    expect(descendants(process.pid).filter((each) => each.command.includes(other.folder))).toEqual([]);
    await other.stop();
    expect(existsSync(other.folder)).toBe(false);
  });
});

/** Ending one process of a sandbox takes others along. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went with another.
  }
}
