import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root, type Instance } from "./instance.ts";
import { officialCli, type Cli } from "./wmill.ts";

export const everything = [
  "--include-schedules",
  "--include-triggers",
  "--include-users",
  "--include-groups",
  "--include-settings",
  "--include-key",
];

const settings = `defaultTs: bun
includes:
  - "**"
excludes: []
skipVariables: false
skipResources: false
skipResourceTypes: false
skipSecrets: false
includeSchedules: true
includeTriggers: true
syncBehavior: v1
`;

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else yield path;
  }
}

/** What the CLI and people keep beside a workspace's items. */
const besides = new Set(["wmill.yaml", "wmill-lock.yaml", "README.md", "package-lock.json", "rt.d.ts"]);

/** Every file of a workspace in a folder, by its name. */
export function treeOf(folder: string): Record<string, string> {
  const names = [...filesIn(folder)].map((path) => relative(folder, path)).toSorted();
  const items = names.filter((name) => !besides.has(name.split("/").at(-1) ?? ""));
  return Object.fromEntries(items.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

export function writeTo(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** A folder of its own with the official CLI bound to a workspace, which is made unless it exists. */
export async function workspaceFolder(
  instance: Instance,
  workspace: string,
  token: string = instance.token,
): Promise<Cli> {
  const cli = officialCli();
  writeFileSync(join(cli.folder, "wmill.yaml"), settings);
  const exists = await instance.json<boolean>("POST", "/workspaces/exists", { body: { id: workspace } });
  if (!exists) await instance.text("POST", "/workspaces/create", { body: { id: workspace, name: "Shop" } });
  await cli.ok("workspace", "add", workspace, workspace, `${instance.url}/`, "--token", token);
  return cli;
}

/** The example workspace of the repository, copied into a folder of its own. */
export async function exampleFolder(instance: Instance, workspace: string): Promise<Cli> {
  const cli = await workspaceFolder(instance, workspace);
  const example = join(root, "examples/blueprint");
  for (const name of readdirSync(example)) {
    if (!besides.has(name)) cpSync(join(example, name), join(cli.folder, name), { recursive: true });
  }
  allowBundles(cli.folder);
  return cli;
}

/** The CLI runs `npm install` for an app of own code without this folder; tests need no network. */
export function allowBundles(folder: string): void {
  for (const path of [...filesIn(folder)].filter((name) => name.endsWith("raw_app.yaml"))) {
    mkdirSync(join(dirname(path), "node_modules"), { recursive: true });
  }
}

/** How many changes `sync push --dry-run` finds. */
export async function changesToPush(cli: Cli, ...flags: string[]): Promise<string> {
  const output = await cli.ok("sync", "push", "--dry-run", ...flags);
  return /(\d+) changes? to apply/.exec(output)?.[1] === "0" ? "0" : output;
}
