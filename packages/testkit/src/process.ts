import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { whenDone } from "./cleanup.ts";

export interface ProcessOptions {
  /** Program and its arguments; for Node use `process.execPath` first. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment apart from PATH and HOME; nothing of the test's own is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly pid: number;
  /** Everything written so far, standard output and standard error in the order they came. */
  output(): string;
  /** Resolves with the match once the output has it; throws, with the output, when the process ends before or time is up. */
  until(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal to the process alone (not its children). */
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<ProcessEnd>;
}

/**
 * Starts a real process in a group of its own; whatever is left of the group is killed after the test. Let it choose
 * its port (0) and read the port from its output.
 */
export async function startProcess({ command, env = {}, ...options }: ProcessOptions): Promise<TestProcess> {
  const [program, ...args] = command;
  const inherited = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" };
  const child = spawn(program, args, {
    ...options,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => ({ code, signal }) as ProcessEnd);
  await once(child, "spawn");
  whenDone(async () => {
    killGroup(child.pid);
    await ended;
  });
  const transcript = record(child);
  return {
    pid: child.pid ?? 0,
    output: () => transcript.text,
    until: (pattern, timeoutMs = 20_000) => waitFor(transcript, pattern, { ended, timeoutMs }),
    signal: (name) => void child.kill(name),
    ended,
  };
}

interface Transcript {
  text: string;
  onChange: Set<() => void>;
}

function record(child: ChildProcess): Transcript {
  const transcript: Transcript = { text: "", onChange: new Set() };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      transcript.text += text;
      for (const changed of transcript.onChange) changed();
    });
  }
  return transcript;
}

function waitFor(
  transcript: Transcript,
  pattern: RegExp,
  { ended, timeoutMs }: { ended: Promise<ProcessEnd>; timeoutMs: number },
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer);
      transcript.onChange.delete(look);
      act();
    };
    const look = (): void => {
      const match = pattern.exec(transcript.text);
      if (match !== null) finish(() => resolve(match));
    };
    const fail = (why: string): void => {
      finish(() => reject(new Error(`${why} without printing ${String(pattern)}; it printed:\n${transcript.text}`)));
    };
    const timer = setTimeout(() => fail(`the process ran ${timeoutMs} ms`), timeoutMs);
    transcript.onChange.add(look);
    // The last output may arrive just after the exit.
    void ended.then(({ code, signal }) => setTimeout(() => fail(`the process ended (${code ?? signal})`), 100));
    look();
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}
