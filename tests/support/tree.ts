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

function edit(cli: Cli, name: string, [from, to]: [string, string]): void {
  const path = join(cli.folder, name);
  const before = readFileSync(path, "utf8");
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${name} does not hold ${JSON.stringify(from)}`);
  writeFileSync(path, after);
}

/** One change for each kind of item. */
const exampleEdits: Record<string, [string, string]> = {
  "c_shop.resource-type.yaml": ["A shop", "A larger shop"],
  "dependencies/package.json": ["{}", '{ "zod": "4.0.0" }'],
  "f/shop/board.app/app.yaml": ["summary: Board", "summary: Boards"],
  "f/shop/board.app/count.inline_script.ts": ["return 1", "return 2"],
  "f/shop/database.resource.yaml": ["db.example", "database.example"],
  "f/shop/folder.meta.yaml": ["Orders", "All orders"],
  "f/shop/greeting.variable.yaml": ["value: hello", "value: good morning"],
  "f/shop/hello.ts": ["hello", "good morning"],
  "f/shop/hello_py.script.yaml": ["Greets in Python", "Greets, in Python"],
  "f/shop/key.variable.yaml": ["not-a-real-password", "nor-this-one"],
  "f/shop/nightly.schedule.yaml": ["0 0 3 * * *", "0 0 4 * * *"],
  "f/shop/notes.resource.file.md": ["Notes", "More notes"],
  "f/shop/order.flow/flow.yaml": ["summary: An order", "summary: One order"],
  "f/shop/order.flow/pack.inline_script.sh": ["packed", "wrapped"],
  "f/shop/panel.raw_app/index.tsx": ["panel", "board"],
  "f/shop/panel.raw_app/backend/load.ts": ["[]", "[1]"],
  "f/shop/totals__mod/sum.ts": ["total + number", "number + total"],
  "f/shop/on_http.http_trigger.yaml": ["orders/:id", "order/:id"],
  "f/shop/on_websocket.websocket_trigger.yaml": ["/feed", "/stream"],
  "f/shop/on_kafka.kafka_trigger.yaml": ["group_id: shop", "group_id: shops"],
  "f/shop/on_nats.nats_trigger.yaml": ["- orders", "- order"],
  "f/shop/on_mqtt.mqtt_trigger.yaml": ["qos0", "qos1"],
  "f/shop/on_amqp.amqp_trigger.yaml": ["queue_name: orders", "queue_name: order"],
  "f/shop/on_sqs.sqs_trigger.yaml": ["sqs.example/orders", "sqs.example/order"],
  "f/shop/on_gcp.gcp_trigger.yaml": ["topic_id: orders", "topic_id: order"],
  "f/shop/on_azure.azure_trigger.yaml": ["subscription_name: shop", "subscription_name: shops"],
  "f/shop/on_postgres.postgres_trigger.yaml": ["publication_name: orders", "publication_name: order"],
  "f/shop/on_email.email_trigger.yaml": ["local_part: orders", "local_part: order"],
};

/** Edits each kind of item of the example once. @returns how many files changed */
export function editExample(cli: Cli): number {
  for (const [name, change] of Object.entries(exampleEdits)) edit(cli, name, change);
  return Object.keys(exampleEdits).length;
}
