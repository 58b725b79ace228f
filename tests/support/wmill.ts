import { join } from "node:path";
import { startProcess, testFolder } from "@towermill/testkit";
import { root } from "./instance.ts";

export interface CliRun {
  code: number | null;
  output: string;
}

export interface Cli {
  /** Folder the CLI works in. */
  folder: string;
  /** Runs the official CLI, unmodified, with a configuration folder of its own. */
  run(...args: string[]): Promise<CliRun>;
}

const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** The official `wmill` command line, as npm ships it. */
export async function officialCli(): Promise<Cli> {
  const folder = testFolder();
  const config = testFolder();
  return {
    folder,
    async run(...args) {
      const process_ = await startProcess({
        command: [process.execPath, join(root, "node_modules/windmill-cli/esm/main.js"), ...args],
        cwd: folder,
        env: { WMILL_CONFIG_DIR: config, NO_COLOR: "1", HOME: config },
      });
      const { code } = await process_.ended;
      return { code, output: process_.output().replaceAll(ansi, "") };
    },
  };
}
