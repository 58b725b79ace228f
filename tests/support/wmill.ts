import { join } from "node:path";
import { startProcess, testFolder } from "@towermill/testkit";
import { root, type Instance } from "./instance.ts";

export interface CliRun {
  code: number | null;
  output: string;
}

export interface Cli {
  /** Folder the CLI works in. */
  folder: string;
  /** Runs the official CLI, unmodified, with a configuration folder of its own. */
  run(...args: string[]): Promise<CliRun>;
  /** The same for a run that must succeed; answers its output. */
  ok(...args: string[]): Promise<string>;
  /** The same with `--json`; answers what it printed, parsed. */
  json<T>(...args: string[]): Promise<T>;
}

const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** The official `wmill` command line, as npm ships it, as a user who has never used it. */
export function officialCli(): Cli {
  const folder = testFolder();
  const config = testFolder();
  const run: Cli["run"] = async (...args) => {
    const process_ = await startProcess({
      command: [process.execPath, join(root, "node_modules/windmill-cli/esm/main.js"), ...args],
      cwd: folder,
      env: { WMILL_CONFIG_DIR: config, NO_COLOR: "1", HOME: config },
    });
    const { code } = await process_.ended;
    return { code, output: process_.output().replaceAll(ansi, "") };
  };
  const ok: Cli["ok"] = async (...args) => {
    const { code, output } = await run(...args);
    if (code !== 0) throw new Error(`wmill ${args.join(" ")} ended with ${code}:\n${output}`);
    return output;
  };
  const json = async <T>(...args: string[]): Promise<T> => {
    const output = await ok(...args, "--json");
    return JSON.parse(output.slice(output.search(/^[[{"]/m))) as T;
  };
  return { folder, run, ok, json };
}

/** The official CLI after `workspace add` with the first admin's token; the workspace is made unless it exists. */
export async function cliOf(instance: Instance, workspace = "admins"): Promise<Cli> {
  const cli = officialCli();
  const create = workspace === "admins" ? [] : ["--create"];
  await cli.ok("workspace", "add", workspace, workspace, `${instance.url}/`, "--token", instance.token, ...create);
  return cli;
}
