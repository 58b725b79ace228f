import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { allowBundles, changesToPush, exampleFolder, treeOf, workspaceFolder } from "./support/tree.ts";
import type { Cli } from "./support/wmill.ts";

const instance = await startInstance();
const plain = "--plain-secrets";

function edit(cli: Cli, name: string, [from, to]: [string, string]): void {
  const path = join(cli.folder, name);
  const before = readFileSync(path, "utf8");
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${name} does not hold ${JSON.stringify(from)}`);
  writeFileSync(path, after);
}

/** One change for each kind of item. */
const edits: Record<string, [string, string]> = {
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

describe("a workspace in files", { timeout: 120_000 }, () => {
  test("is pushed whole, and pulled elsewhere it is the same byte for byte", async () => {
    const source = await exampleFolder(instance, "shop");
    const before = treeOf(source.folder);
    await source.ok("sync", "push", "--yes", plain);
    expect(await changesToPush(source, plain)).toBe("0");
    expect(treeOf(source.folder)).toEqual(before);
    const elsewhere = await workspaceFolder(instance, "shop");
    await elsewhere.ok("sync", "pull", "--yes", plain);
    expect(treeOf(elsewhere.folder)).toEqual(before);
    expect(await changesToPush(elsewhere, plain)).toBe("0");
  });

  test("is the same again after every kind of item was edited once", async () => {
    const source = await workspaceFolder(instance, "shop");
    await source.ok("sync", "pull", "--yes", plain);
    allowBundles(source.folder);
    for (const [name, change] of Object.entries(edits)) edit(source, name, change);
    const edited = treeOf(source.folder);
    expect(await changesToPush(source, plain)).toContain(`${Object.keys(edits).length} changes to apply`);
    await source.ok("sync", "push", "--yes", plain);
    expect(await changesToPush(source, plain)).toBe("0");
    const elsewhere = await workspaceFolder(instance, "shop");
    await elsewhere.ok("sync", "pull", "--yes", plain);
    expect(treeOf(elsewhere.folder)).toEqual(edited);
  });

  test("goes as a tar to clients that do not read zip, and says so to those that read neither", async () => {
    const tar = await instance.call("GET", "/w/shop/workspaces/tarball?archive_type=tar&include_triggers=true");
    expect([tar.status, tar.headers.get("content-type")]).toEqual([200, "application/x-tar"]);
    const text = Buffer.from(await tar.arrayBuffer()).toString("latin1");
    expect(text.length % 512).toBe(0);
    for (const name of ["f/shop/hello.ts", "f/shop/board.app.json", "f/shop/on_http.http_trigger.json"]) {
      expect(text).toContain(`${name}\0`);
    }
    const neither = await instance.call("GET", "/w/shop/workspaces/tarball?archive_type=rar");
    expect([neither.status, await neither.text()]).toEqual([400, expect.stringContaining("Invalid Archive Type")]);
  });

  test("emptied in files is emptied in the workspace, and what was deleted is in the trash", async () => {
    const empty = await workspaceFolder(instance, "shop");
    await empty.ok("sync", "push", "--yes", plain);
    const left = await workspaceFolder(instance, "shop");
    await left.ok("sync", "pull", "--yes", plain);
    // Of a script with modules the CLI deletes the files only: the script stays.
    const others = Object.keys(treeOf(left.folder)).filter((name) => !name.startsWith("f/shop/totals__mod/"));
    expect(others).toEqual([]);
    const trash = await instance.json<{ item_kind: string }[]>("GET", "/w/shop/trash/list?per_page=1000");
    const kinds = [...new Set(trash.map(({ item_kind }) => item_kind))];
    expect(kinds).toEqual(
      expect.arrayContaining(["app", "raw_app", "flow", "resource", "variable", "schedule", "http_trigger"]),
    );
  });
});
