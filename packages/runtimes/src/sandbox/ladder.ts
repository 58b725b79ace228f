import type { Launcher } from "../launcher/launcher.ts";
import type { IsolationReport } from "../runtime.ts";
import { probeSandbox } from "./probe.ts";
import type { Level, PlacedProgram, Sandbox } from "./sandbox.ts";

export interface LadderRequest {
  wanted: "auto" | Level;
  make(level: Level): Sandbox;
  /** Whether the program a level needs is there; the reason when it is not. */
  missing(level: Level): string | null;
  launcher: Launcher;
  python: { command: string } & PlacedProgram;
  /** Host paths that a job must not see where files are hidden. */
  hidden: readonly string[];
  cacheFolder: string;
}

const rungs = ["bubblewrap", "unshare", "uid"] as const;

/**
 * The strongest isolation that works here, tried for real. Throws when one was asked for by name and does not hold.
 */
export async function chooseSandbox(request: LadderRequest): Promise<{ sandbox: Sandbox; report: IsolationReport }> {
  const { wanted } = request;
  const refused: string[] = [];
  for (const level of rungs) {
    if (wanted !== "auto" && wanted !== level) continue;
    const missing = request.missing(level);
    const sandbox = missing === null ? request.make(level) : undefined;
    const wrong = sandbox === undefined ? [missing ?? ""] : await probeSandbox({ ...request, sandbox });
    if (sandbox !== undefined && wrong.length === 0) return { sandbox, report: describe(sandbox, refused) };
    refused.push(`${level}: ${wrong.join("; ")}`);
  }
  if (wanted !== "auto" && wanted !== "none") {
    throw new Error(`Isolation "${wanted}" does not work on this machine (${refused.join(". ")}).`);
  }
  const sandbox = request.make("none");
  return { sandbox, report: describe(sandbox, refused) };
}

function describe(sandbox: Sandbox, refused: readonly string[]): IsolationReport {
  const memoryLimit = sandbox.memory.kind;
  const memory = memoryLimit === "sampled" ? "memory is sampled" : "memory is limited by the kernel";
  const { level } = sandbox;
  const why = refused.length === 0 ? "" : ` Stronger isolation is not to be had here: ${refused.join(". ")}.`;
  if (level === "uid") {
    const sentence = `Jobs run as users of their own, but see the host's files and processes; ${memory}.${why}`;
    return { level, sentence, memoryLimit };
  }
  if (level === "none") {
    const sentence = `JOBS ARE NOT ISOLATED: a script can read and change everything that the worker's user can, the platform's database and keys included.${why}`;
    return { level, sentence, memoryLimit };
  }
  const means = level === "bubblewrap" ? "bubblewrap" : "namespaces of their own";
  const sentence = `Jobs are isolated by ${means}: other jobs, the host's files and the platform are out of sight; ${memory}.`;
  return { level, sentence, memoryLimit };
}
