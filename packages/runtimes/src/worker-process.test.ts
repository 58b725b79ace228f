import { rmSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { descendants, processesNamed, waitUntil } from "./trial-processes.ts";
import { firstLine, startWorker } from "./trial-worker.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function start(code: string, uid?: number): ReturnType<typeof startWorker>["child"] {
  const { child, folder } = startWorker(code, uid);
  folders.push(folder);
  return child;
}

describe.each(["unshare", "none"])("with isolation %s", (isolation) => {
  test("a worker that is killed leaves no process behind, whatever its jobs started", async () => {
    const mark = isolation === "none" ? "64" : "65";
    const child = start(`
      const trial = await startTrial({ isolation: "${isolation}", python: "/usr/bin/python3" });
      trial.run("bash", "setsid sleep ${mark} & echo on; sleep ${mark}", { onLog: () => console.log(trial.folder) });
      trial.run("bun", "export function main() { for (;;); }");
    `);
    const folder = await firstLine(child);
    folders.push(folder);
    const below = descendants(child.pid ?? 0).map((each) => each.pid);
    expect(below.length).toBeGreaterThan(3);
    child.kill("SIGKILL");
    await waitUntil(() => processesNamed(`sleep ${mark}`).length === 0);
    await waitUntil(() => !below.some((pid) => isAlive(pid)));
  });
});

describe.runIf(process.getuid?.() === 0)("as a user who is not root", () => {
  test.each(["bubblewrap", "unshare"])("isolation %s works and jobs run in it", async (isolation) => {
    const child = start(
      `
      const trial = await startTrial({ isolation: "${isolation}", python: "/usr/bin/python3" }).catch((error) => {
        console.log(JSON.stringify({ refused: String(error) }));
        process.exit(0);
      });
      const results = [];
      for (const [language, code] of [
        ["bun", "import { readFileSync, readdirSync } from 'node:fs'; export function main() { const seen = readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)); return { root: readdirSync('/').includes('root'), worker: seen.length < 5 }; }"],
        ["python3", "import os\\ndef main():\\n    return [os.getuid(), len([n for n in os.listdir('/proc') if n.isdigit()]) < 6]"],
        ["bash", "echo hello > /dev/stderr; echo done"],
      ]) { const { outcome } = await trial.run(language, code); results.push(outcome.result ?? outcome); }
      const level = trial.executor.isolation.level;
      await trial.stop();
      console.log(JSON.stringify({ level, results }));
    `,
      65534,
    );
    // Machines without user namespaces refuse, and must say so.
    const told = JSON.parse(await firstLine(child)) as { refused?: string };
    if (told.refused !== undefined) {
      expect(told.refused).toContain("does not work on this machine");
      return;
    }
    expect(told).toEqual({ level: isolation, results: ['{"root":false,"worker":true}', "[65534, true]", '"done"'] });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
