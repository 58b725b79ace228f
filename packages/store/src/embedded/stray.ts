import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DataFolderBusy, EmbeddedError } from "./embedded-error.ts";
import { processFolder, processStart } from "./process-identity.ts";

/**
 * Makes an existing cluster free to start: a server left over from a killed Towermill is shut down, a stale pid file
 * removed. Call it only under the folder's lock. Throws {@link DataFolderBusy} for a server in another container.
 */
export async function endStray(clusterFolder: string, socketFolder: string): Promise<void> {
  const pidFile = join(clusterFolder, "postmaster.pid");
  const pid = readPid(pidFile);
  if (pid === undefined) return;
  if (isServerOf(pid, clusterFolder)) return endProcess(pid, clusterFolder);
  if (await answers(join(socketFolder, ".s.PGSQL.5432"))) {
    throw new DataFolderBusy(
      `the database in ${clusterFolder} is running outside of this system's view (another container?): stop it, or choose another data folder`,
    );
  }
  // PostgreSQL would take any living process with this pid for its own.
  rmSync(pidFile, { force: true });
}

/** Asks a server to end, ever more firmly: fast (30 s), immediate (5 s), kill. Resolves when the process is gone. */
export async function endProcess(pid: number, clusterFolder: string): Promise<void> {
  const start = processStart(pid);
  if (start === undefined) return;
  for (const [signal, patienceMs] of [
    ["SIGINT", 30_000],
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const deadline = performance.now() + patienceMs; performance.now() < deadline; await sleep(15)) {
      if (processStart(pid) !== start) return;
    }
  }
  throw new EmbeddedError(
    `process ${pid}, the server of ${clusterFolder}, cannot be stopped: end it, then start again`,
  );
}

function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isServerOf(pid: number, clusterFolder: string): boolean {
  if (processStart(pid) === undefined) return false;
  if (process.platform === "linux") return processFolder(pid) === realpathSync(clusterFolder);
  try {
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).includes(clusterFolder);
  } catch {
    return false;
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
