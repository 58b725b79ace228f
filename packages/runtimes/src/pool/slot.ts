import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Prepared } from "../runtime.ts";
import type { Launched, Launcher } from "../launcher/launcher.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Engine, EngineName } from "./engines.ts";
import type { OutputLimits } from "./output.ts";
import { openPipes } from "./pipes.ts";
import { makeRunner, type Runner } from "./runner.ts";
import { linkCode } from "./code.ts";

/** A runner with its place on disk and what the pool knows of it. */
export interface Slot {
  engine: EngineName;
  runner: Runner;
  /** Jobs it has been given. */
  jobs: number;
  bornAt: number;
  idleSince: number;
  /** Memory limit in force, MiB. */
  memoryLimitMb: number;
  /** Brings a script's code into sight of the process; of code that it sees already, nothing is done. */
  assign(prepared: Prepared): void;
  /** Folder of its jobs, as the process sees it; emptied after each. */
  work: string;
  /** The same folder as this process sees it, and the user it belongs to; `null` = this process's own. */
  place: { work: string; uid: number | null };
  /** Ends the process and removes its folders. */
  discard(): Promise<void>;
}

export interface SlotOptions {
  launcher: Launcher;
  sandbox: Sandbox;
  engine: Engine;
  limits: OutputLimits;
  memoryLimitMb: number;
  env: Record<string, string>;
}

/** Boots a blank runner. Throws when it cannot be started. */
export async function startSlot(options: SlotOptions): Promise<Slot> {
  const { engine, sandbox } = options;
  const place = sandbox.makePlace(engine, options.memoryLimitMb);
  let launched: Launched | undefined;
  try {
    launched = await options.launcher.launch({
      ...place.spec,
      argv: engine.argv(place.guests),
      env: { ...options.env, ...engine.env, ...(sandbox.ownTmp ? { TOWERMILL_OWN_TMP: "1" } : {}) },
    });
    const runner = await makeRunner(launched, openPipes(place.spec.pipes), options.limits);
    return describeSlot(options, runner, place);
  } catch (error) {
    launched?.kill();
    await launched?.ended;
    rmSync(place.folder, { recursive: true, force: true });
    throw error;
  }
}

function describeSlot(options: SlotOptions, runner: Runner, place: ReturnType<Sandbox["makePlace"]>): Slot {
  const seen = new Set<string>();
  return {
    engine: options.engine.name,
    runner,
    jobs: 0,
    bornAt: Date.now(),
    idleSince: Date.now(),
    memoryLimitMb: options.memoryLimitMb,
    assign: (prepared) => {
      if (place.code === null || seen.has(prepared.key)) return;
      linkCode(prepared.mounts, place.code);
      seen.add(prepared.key);
    },
    work: place.work,
    place: { work: join(place.folder, "work"), uid: place.spec.uid },
    discard: async () => {
      await runner.kill();
      await rm(place.folder, { recursive: true, force: true }).catch(() => undefined);
    },
  };
}

/** A folder name nobody can guess. */
export function makePrivateFolder(parent: string): string {
  const folder = join(parent, randomBytes(8).toString("hex"));
  mkdirSync(folder, { mode: 0o711 });
  return folder;
}
