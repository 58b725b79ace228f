import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { once } from "node:events";
import type { Cluster } from "./cluster.ts";
import { folderArgument, serverEnvironment } from "./cluster.ts";
import { complaintsIn, complaintsSince, logPosition } from "./server-log.ts";
import { endProcess } from "./stray.ts";

/** A running PostgreSQL server, child of this process. */
export interface Postmaster {
  readonly pid: number;
  /** Resolves, with its last complaints, when the process has ended for whatever reason. */
  readonly ended: Promise<string>;
  /** The end has been seen. */
  hasEnded(): boolean;
  /** Orderly shutdown (clients are disconnected, data is flushed); may be called twice. */
  stop(): Promise<void>;
}

/** Starts the server process; it does not wait until it accepts connections. */
export async function launchPostmaster(cluster: Cluster): Promise<Postmaster> {
  const logStart = logPosition(cluster.folder);
  const child = spawn(
    cluster.binaries.postgres,
    serverArguments(cluster.folder),
    childOptions(cluster, ["ignore", "ignore", "pipe"]),
  );
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const lastWords = collectTail(child);
  let hasEnded = false;
  const ended = once(child, "close").then(() => {
    hasEnded = true;
    return [lastWords(), complaintsSince(cluster.folder, logStart)].filter(Boolean).join("\n");
  });
  const watchdog = await startWatchdog(cluster, pid);
  return {
    pid,
    ended,
    hasEnded: () => hasEnded,
    stop: async () => {
      if (!hasEnded) await endProcess(pid, cluster.folder);
      await ended;
      await watchdog.stop();
    },
  };
}

function serverArguments(folder: string): string[] {
  const fixed = {
    listen_addresses: "",
    // Relative to the server's folder, so neither its length nor its parents' permissions matter to the server.
    unix_socket_directories: ".",
    unix_socket_permissions: "0700",
    port: "5432",
  };
  return [
    "-D",
    folderArgument(folder),
    ...Object.entries(fixed).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

function childOptions({ folder, account }: Cluster, stdio: NonNullable<SpawnOptions["stdio"]>): SpawnOptions {
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  // A session of its own: Ctrl-C in the terminal is for this program, which then stops the server in order.
  return { ...identity, cwd: folder, env: serverEnvironment, stdio, detached: true };
}

function collectTail(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.setEncoding("utf8");
  child.stderr?.on("data", (text: string) => (tail = (tail + text).slice(-4096)));
  return () => complaintsIn(tail);
}

// Its standard input ends when this process dies, however it dies; then it asks the server to shut down.
const watchdogScript = 'read -r _; read -r pid < postmaster.pid && [ "$pid" = "$1" ] && kill -INT "$pid"';

async function startWatchdog(cluster: Cluster, pid: number): Promise<{ stop(): Promise<void> }> {
  const options = childOptions(cluster, ["pipe", "ignore", "ignore"]);
  const child = spawn("/bin/sh", ["-c", watchdogScript, "towermill-watchdog", String(pid)], options);
  await once(child, "spawn");
  const closed = once(child, "close");
  child.stdin?.on("error", () => undefined);
  return {
    stop: async () => {
      child.stdin?.end();
      await closed;
    },
  };
}
