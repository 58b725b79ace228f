import { rmSync } from "node:fs";
import type { Launcher } from "../launcher/launcher.ts";
import { openPipes } from "../pool/pipes.ts";
import type { PlacedProgram, Sandbox } from "./sandbox.ts";

/** What a process in the sandbox found it could do; see `guests/python/probe.py`. */
interface Findings {
  uid: number;
  processes: number;
  /** Processes whose environment it could read. */
  environments: string[];
  visible: string[];
  writable: string[];
  work: boolean;
  /** Whether it can read the folder of prepared code. */
  cache: boolean;
  mount: boolean;
  userNamespace: boolean;
}

export interface ProbeRequest {
  launcher: Launcher;
  sandbox: Sandbox;
  python: { command: string } & PlacedProgram;
  /** Host paths that must not be there for a job. */
  hidden: readonly string[];
  cacheFolder: string;
}

/** Runs the real profile and checks its claims. Answers what does not hold; empty when all does. */
export async function probeSandbox(request: ProbeRequest): Promise<string[]> {
  try {
    return judge(request.sandbox, await ask(request));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

async function ask({ launcher, sandbox, python, hidden, cacheFolder }: ProbeRequest): Promise<Findings> {
  const place = sandbox.makePlace(python, 256);
  try {
    const question = JSON.stringify({ hidden, cache: cacheFolder });
    const launched = await launcher.launch({
      ...place.spec,
      argv: [python.command, "-I", "-S", "-B", `${place.guests}/python/probe.py`, question],
      env: { PATH: "/usr/bin:/bin" },
    });
    const pipes = openPipes(place.spec.pipes);
    let text = "";
    pipes.onOutput((chunk) => (text += chunk.toString("utf8")));
    launched.opened();
    const timer = setTimeout(() => launched.kill(), 10_000);
    const { code } = await launched.ended;
    clearTimeout(timer);
    await pipes.drainOutput();
    pipes.close();
    if (code !== 0) throw new Error(`the trial process ended with code ${code}: ${text.trim().slice(-400)}`);
    return JSON.parse(text) as Findings;
  } finally {
    rmSync(place.folder, { recursive: true, force: true });
  }
}

function judge(sandbox: Sandbox, found: Findings): string[] {
  const wrong: string[] = [];
  const own = String(process.pid);
  if (found.uid === 0) wrong.push("jobs would be root");
  if (!found.work) wrong.push("jobs could not write their own folder");
  if (!found.cache) wrong.push("jobs could not enter the data folder (chmod 711 it and the folders above)");
  if (found.environments.includes(own)) wrong.push("a job could read the worker's environment");
  if (found.mount) wrong.push("a job could mount file systems");
  if (found.writable.length > 0) wrong.push(`a job could write ${found.writable.join(", ")}`);
  if (sandbox.level === "uid") return wrong;
  if (found.environments.length > 0) wrong.push("a job could read the environment of other processes");
  if (found.userNamespace) wrong.push("a job could make user namespaces");
  if (found.visible.length > 0) wrong.push(`a job could see ${found.visible.join(", ")}`);
  if (found.processes > 4) wrong.push(`a job could see ${found.processes} processes`);
  return wrong;
}
