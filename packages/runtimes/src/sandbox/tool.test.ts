import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTrial, type Trial } from "../trial.ts";
import { processesNamed } from "../trial-processes.ts";
import { runToolPlainly, type RunTool, type ToolOutcome, type ToolRequest } from "./tool.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "towermill-tool-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["plainly", "in the sandbox"])("a tool run %s", (how) => {
  let trial: Trial | undefined;
  let run: RunTool = runToolPlainly;
  beforeAll(async () => {
    if (how === "plainly") return;
    trial = await startTrial({
      runtimes: (runTool) => {
        run = runTool;
        return [];
      },
    });
  });
  afterAll(() => trial?.stop());

  let count = 0;
  function tool(script: string, more: Partial<ToolRequest> = {}): Promise<ToolOutcome & { cwd: string }> {
    const cwd = join(folder, `${how.length}-${(count += 1)}`);
    mkdirSync(cwd);
    const request: ToolRequest = {
      command: "/bin/sh",
      args: ["-c", script],
      env: { PATH: "/usr/bin:/bin" },
      cwd,
      mounts: [],
      timeoutMs: 10_000,
      signal: new AbortController().signal,
      onOutput: () => undefined,
      ...more,
    };
    return run(request).then((outcome) => ({ ...outcome, cwd }));
  }

  test("writes its folder, tells its output and its exit code, and sees no more environment than it was given", async () => {
    const { exitCode, ended, output, cwd } = await tool("echo made > file; echo out; echo err >&2; env; exit 3", {
      env: { PATH: "/usr/bin:/bin", GIVEN: "yes" },
    });
    expect([exitCode, ended]).toEqual([3, "exit"]);
    expect(output).toContain("out\n");
    expect(output).toContain("GIVEN=yes");
    expect(output).not.toMatch(/VITEST|NODE_/);
    expect(readFileSync(join(cwd, "file"), "utf8")).toBe("made\n");
  });

  test("tells what it wrote though it ended before this process came to look", async () => {
    for (let n = 0; n < 5; n += 1) {
      const ran = tool("echo out; exit 3");
      // what starts it has been sent, and its end is there before its start was read
      await nextTurn();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      expect(await ran).toMatchObject({ exitCode: 3, ended: "exit", output: "out\n" });
    }
  });

  test("is ended by its time limit and by cancelling, with what it started", async () => {
    const late = await tool("sleep 66 & sleep 66", { timeoutMs: 200 });
    expect([late.exitCode, late.ended]).toEqual([null, "timeout"]);
    const controller = new AbortController();
    const canceled = await tool("echo on; sleep 66", { signal: controller.signal, onOutput: () => controller.abort() });
    expect([canceled.exitCode, canceled.ended]).toEqual([null, "canceled"]);
    expect(processesNamed("sleep 66")).toEqual([]);
  });

  test("reads what it was given and, where files are hidden, nothing else of the host", async () => {
    const given = join(folder, `given-${how.length}`);
    mkdirSync(given);
    writeFileSync(join(given, "a"), "seen");
    const secret = join(folder, "secret");
    writeFileSync(secret, "secret");
    const { output } = await tool(`cat ${given}/a; echo x > ${given}/b; cat ${secret}`, { mounts: [given] });
    expect(output).toContain("seen");
    if (trial === undefined || !["bubblewrap", "unshare"].includes(trial.executor.isolation.level)) return;
    expect(output).not.toContain("secret\n");
    expect(existsSync(join(given, "b"))).toBe(false);
  });
});
