import { describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { allowBundles, changesToPush, editExample, exampleFolder, treeOf, workspaceFolder } from "./support/tree.ts";

const instance = await startInstance();
const plain = "--plain-secrets";

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
    const count = editExample(source);
    const edited = treeOf(source.folder);
    expect(await changesToPush(source, plain)).toContain(`${count} changes to apply`);
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
