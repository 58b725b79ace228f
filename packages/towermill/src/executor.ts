import { join } from "node:path";
import { createExecutor, standardRuntimes, type Executor } from "@towermill/runtimes";
import type { Log } from "@towermill/store";
import type { Settings } from "./setting.ts";

/** Starts what runs users' code, as the settings say; its files lie below the data folder. */
export function openExecutor(settings: Settings, log: Log): Promise<Executor> {
  const folder = join(settings.dataFolder, "worker");
  const cacheFolder = join(settings.dataFolder, "cache");
  const say = (line: string): void => log.info({}, line);
  return createExecutor({
    folder,
    cacheFolder,
    slots: settings.NUM_WORKERS,
    isolation: settings.TOWERMILL_ISOLATION,
    runtimes: (runTool) => standardRuntimes({ cacheFolder, runTool, log: say }),
    log: say,
  });
}
