import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { Launched, Launcher } from "../launcher/launcher.ts";
import { watchMemory } from "../pool/memory.ts";
import { openPipes } from "../pool/pipes.ts";
import type { Sandbox } from "./sandbox.ts";

/** A program the platform itself runs for a script: an installer, a resolver, a bundler. */
export interface ToolRequest {
  /** Absolute path of the program, or a name found on the PATH of `env`. */
  command: string;
  args: readonly string[];
  /** The whole environment of the program; nothing of the worker's own is added. */
  env: Record<string, string>;
  /** Folder the program may write; also its working folder. */
  cwd: string;
  /** Host folders it may read besides the system and the installation of `command`. */
  mounts: readonly string[];
  timeoutMs: number;
  signal: AbortSignal;
  /** stdout and stderr as they come, valid text. */
  onOutput: (text: string) => void;
}

export interface ToolOutcome {
  /** `null` when the program was killed. */
  exitCode: number | null;
  /** Why it was killed, when it was. */
  ended: "exit" | "timeout" | "canceled" | "memory" | "lost";
  /** The last 256 KiB characters of what it wrote. */
  output: string;
}

const outputKept = 256 * 1024;

/** Keeps the end of a text that grows without bound. */
export function keepTail(kept: string, added: string): string {
  return (kept + added).slice(-outputKept);
}

export type RunTool = (request: ToolRequest) => Promise<ToolOutcome>;

/** Runs a tool as an ordinary child process: the form used where no sandbox is to be had, and in tests. */
export const runToolPlainly: RunTool = (request) =>
  new Promise((resolve, reject) => {
    const child = spawn(request.command, request.args, {
      cwd: request.cwd,
      env: request.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let ended: ToolOutcome["ended"] = "exit";
    let output = "";
    const kill = (why: ToolOutcome["ended"]): void => {
      if (ended !== "exit" || child.pid === undefined) return;
      ended = why;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended on its own a moment ago.
      }
    };
    const timer = setTimeout(kill, request.timeoutMs, "timeout");
    const abort = (): void => kill("canceled");
    request.signal.addEventListener("abort", abort, { once: true });
    if (request.signal.aborted) abort();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        output = keepTail(output, text);
        request.onOutput(text);
      });
    }
    const settle = (): void => {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", abort);
    };
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (exitCode) => {
      settle();
      resolve({ exitCode: ended === "exit" ? exitCode : null, ended, output });
    });
  });

export interface ToolSandbox {
  launcher(): Promise<Launcher>;
  sandbox: Sandbox;
  memoryLimitMb: number;
}

/** Runs tools where jobs run: same isolation, writing nothing but `cwd`, killed with everything below them. */
export function sandboxTool(options: ToolSandbox): RunTool {
  return async (request) => {
    const place = options.sandbox.makeToolPlace({
      cwd: request.cwd,
      mounts: request.mounts,
      memoryLimitMb: options.memoryLimitMb,
    });
    try {
      const launcher = await options.launcher();
      const launched = await launcher.launch({
        ...place.spec,
        argv: [request.command, ...request.args],
        env: { HOME: request.cwd, TMPDIR: request.cwd, ...request.env },
      });
      return await follow(launched, place.spec.pipes, request, options.memoryLimitMb);
    } finally {
      rmSync(place.folder, { recursive: true, force: true });
    }
  };
}

async function follow(
  launched: Launched,
  pipesFolder: string,
  request: ToolRequest,
  memoryLimitMb: number,
): Promise<ToolOutcome> {
  const pipes = openPipes(pipesFolder);
  const decoder = new StringDecoder("utf8");
  let output = "";
  let ended: ToolOutcome["ended"] = "exit";
  pipes.onOutput((chunk) => {
    const text = decoder.write(chunk);
    output = keepTail(output, text);
    request.onOutput(text);
  });
  launched.opened();
  const kill = (why: ToolOutcome["ended"]): void => {
    if (ended === "exit") ended = why;
    launched.kill();
  };
  const timer = setTimeout(kill, request.timeoutMs, "timeout");
  const abort = (): void => kill("canceled");
  request.signal.addEventListener("abort", abort, { once: true });
  if (request.signal.aborted) abort();
  const memory = watchMemory(launched.pid, memoryLimitMb, () => kill("memory"));
  const end = await launched.ended;
  clearTimeout(timer);
  memory.stop();
  request.signal.removeEventListener("abort", abort);
  await pipes.drainOutput();
  pipes.close();
  if (end.lost) ended = "lost";
  else if (end.oomKills > 0) ended = "memory";
  return { exitCode: ended === "exit" ? end.code : null, ended, output };
}
