import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { migrationStatus, type Log } from "@towermill/store";
import { openExecutor } from "./executor.ts";
import { explainFailure } from "./failure.ts";
import { createLog } from "./log.ts";
import { openDatabase } from "./platform.ts";
import type { Settings } from "./setting.ts";

interface Finding {
  level: "ok" | "warning" | "problem";
  text: string;
}

function examineFolder({ dataFolder }: Settings): Finding[] {
  if (!existsSync(dataFolder))
    return [{ level: "ok", text: `data folder ${dataFolder} will be made at the first start` }];
  try {
    accessSync(dataFolder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return [
      {
        level: "problem",
        text: `data folder ${dataFolder} cannot be written by this user: permit it, or set TOWERMILL_DATA`,
      },
    ];
  }
  const { bavail, bsize } = statfsSync(dataFolder);
  const freeGb = (bavail * bsize) / 1e9;
  return [
    { level: "ok", text: `data folder ${dataFolder}` },
    { level: freeGb < 1 ? "warning" : "ok", text: `${freeGb.toFixed(1)} GB free on its disk` },
    existsSync(join(dataFolder, "instance.key"))
      ? {
          level: "warning",
          text: "keep a copy of instance.key: without it the secrets in a backup of the database cannot be read",
        }
      : { level: "ok", text: "the instance key will be made at the first start" },
  ];
}

async function examineDatabase(settings: Settings, log: Log): Promise<Finding[]> {
  try {
    const { url, embedded } = await openDatabase(settings, log);
    try {
      const status = await migrationStatus({ url });
      const schema: Finding = status.problem
        ? { level: "problem", text: status.problem }
        : {
            level: "ok",
            text: `schema: ${status.applied.length} migrations applied, ${status.pending.length} to apply at the next start`,
          };
      return [
        { level: "ok", text: `PostgreSQL ${status.postgres} (${embedded ? "embedded" : "DATABASE_URL"})` },
        schema,
      ];
    } finally {
      await embedded?.stop();
    }
  } catch (error) {
    return [{ level: "problem", text: explainFailure(error, settings).sentence }];
  }
}

async function examineJobs(settings: Settings, log: Log): Promise<Finding[]> {
  const executor = await openExecutor({ ...settings, NUM_WORKERS: 1 }, log);
  try {
    const { isolation, detections } = executor;
    return [
      {
        level: isolation.level === "none" ? "warning" : "ok",
        text: `isolation: ${isolation.level}; ${isolation.sentence}`,
      },
      { level: "ok", text: `memory limit by ${isolation.memoryLimit}` },
      ...[...detections].map(([language, found]): Finding =>
        found.available
          ? { level: "ok", text: `${language}: ${found.version}` }
          : { level: "warning", text: `${language}: not available. ${found.install}` },
      ),
    ];
  } finally {
    await executor.stop();
  }
}

const marks = { ok: "ok     ", warning: "warning", problem: "PROBLEM" } as const;

/** Examines the machine and tells what it found, a line each. @returns the exit code: 1 when something must be mended */
export async function examine(settings: Settings, tell: (line: string) => void): Promise<number> {
  const log = createLog({ ...settings, LOG_LEVEL: "silent" });
  let worst = 0;
  for (const look of [examineFolder, examineDatabase, examineJobs]) {
    for (const { level, text } of await look(settings, log)) {
      tell(`${marks[level]}  ${text}`);
      if (level === "problem") worst = 1;
    }
  }
  return worst;
}
