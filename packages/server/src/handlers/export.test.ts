import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "@towermill/store";
import { testFolder } from "@towermill/testkit";
import type { Entry } from "@towermill/workspace-files";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";
import { tar } from "./export-tar.ts";
import { zip } from "./export-zip.ts";

const { db, call, said, addToken } = await itemsWorld();

const reader = `
import json, sys, zipfile, tarfile
name = sys.argv[1]
if name.endswith(".zip"):
    with zipfile.ZipFile(name) as archive:
        assert archive.testzip() is None
        files = {i.filename: archive.read(i).decode() for i in archive.infolist()}
else:
    with tarfile.open(name) as archive:
        files = {m.name: archive.extractfile(m).read().decode() for m in archive.getmembers()}
print(json.dumps(files if len(sys.argv) == 2 else len(files)))
`;

/** Another program's opinion of an archive. */
function unpack(bytes: Uint8Array, kind: "zip" | "tar", ...more: string[]): unknown {
  const path = join(testFolder(), `archive.${kind}`);
  writeFileSync(path, bytes);
  return JSON.parse(
    execFileSync("python3", ["-c", reader, path, ...more], { encoding: "utf8", maxBuffer: 64_000_000 }),
  );
}

async function* from(entries: Iterable<Entry>): AsyncGenerator<Entry> {
  yield* entries;
}

async function written(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function archive(query: string, as = "alice", kind: "zip" | "tar" = "zip"): Promise<Record<string, string>> {
  const response = await call(`workspaces/tarball?archive_type=${kind}&${query}`, { as });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return unpack(new Uint8Array(await response.arrayBuffer()), kind) as Record<string, string>;
}

beforeEach(async () => {
  for (const table of ["script", "variable", "resource", "app"]) await db.execute(sql`delete from ${sql.ident(table)}`);
});

describe("an archive", () => {
  const files = [
    { name: "f/a/b.ts", content: "x" },
    { name: `f/${"long".repeat(40)}/ü.script.json`, content: '{"a":"ü𝄞"}'.repeat(1000) },
    { name: "empty", content: "" },
  ];

  test.each(["zip", "tar"] as const)("as %s holds what was put into it, long and foreign names too", async (kind) => {
    const bytes = await written(kind === "zip" ? zip(from(files)) : tar(from(files)));
    expect(unpack(bytes, kind)).toEqual(Object.fromEntries(files.map(({ name, content }) => [name, content])));
  });

  test("as zip holds more than 65,535 files", async () => {
    const many = Array.from({ length: 70_000 }, (_, index) => ({ name: `f/a/${index}`, content: "" }));
    expect(unpack(await written(zip(from(many))), "zip", "count")).toBe(70_000);
  });

  test("of nothing is one", async () => {
    expect(unpack(await written(zip(from([]))), "zip")).toEqual({});
    expect(unpack(await written(tar(from([]))), "tar")).toEqual({});
  });
});

describe("the workspace as an archive", () => {
  test("has no folders in it, and only what the reader may read", async () => {
    const script = { summary: "", description: "", content: "echo 1", language: "bash" };
    for (const path of ["u/alice/own", "f/shared/s", "u/bob/hidden"])
      await said("scripts/create", { as: "admin", body: { ...script, path } });
    await said("variables/create", {
      body: { path: "u/alice/secret", value: "hidden value", is_secret: true, description: "" },
    });
    const mine = await archive("");
    expect(Object.keys(mine).toSorted()).toEqual([
      "f/shared/folder.meta.json",
      "f/shared/s.script.json",
      "f/shared/s.sh",
      "u/alice/own.script.json",
      "u/alice/own.sh",
      "u/alice/secret.variable.json",
    ]);
    expect(mine["u/alice/secret.variable.json"]).not.toContain("hidden value");
    expect(Object.keys(await archive("skip_secrets=true", "alice", "tar"))).not.toContain(
      "u/alice/secret.variable.json",
    );
    expect((await archive("plain_secret=true"))["u/alice/secret.variable.json"]).toContain("hidden value");
    expect(Object.keys(await archive("", "bob"))).not.toContain("u/alice/own.sh");
    expect(Object.keys(await archive("", "admin"))).toContain("u/bob/hidden.sh");
  });

  test("leaves states out, and permissions unless asked for", async () => {
    await said("resources/create", {
      body: { path: "u/alice/r", resource_type: "x", value: {}, extra_perms: { "u/bob": false } },
    });
    await said("resources/create", { body: { path: "u/alice/state", resource_type: "state", value: 1 } });
    expect(await archive("preserve_extra_perms=true")).toMatchObject({
      "u/alice/r.resource.json": '{"resource_type":"x","extra_perms":{"u/bob":false},"value":{}}',
    });
    const plain = await archive("");
    expect(plain["u/alice/r.resource.json"]).toBe('{"resource_type":"x","value":{}}');
    expect(plain).not.toHaveProperty("u/alice/state.resource.json");
  });

  test("says which secret cannot be opened before it begins", async () => {
    await said("variables/create?already_encrypted=true", {
      body: { path: "u/alice/foreign", value: "AAAA", is_secret: true, description: "" },
    });
    expect(await said("workspaces/tarball?plain_secret=true")).toEqual([
      400,
      expect.stringMatching(/^Variable u\/alice\/foreign cannot be decrypted/),
    ]);
    expect(Object.keys(await archive("plain_secret=false"))).toContain("u/alice/foreign.variable.json");
  });

  test("needs the right scope, and for people, settings and the key an admin", async () => {
    await addToken("admin", "export-read", ["workspaces:read"]);
    await addToken("admin", "export-none", ["scripts:read"]);
    expect((await said("workspaces/tarball", { as: "export-read" }))[0]).toBe(200);
    expect((await said("workspaces/tarball", { as: "export-none" }))[0]).toBe(403);
    expect((await said("workspaces/tarball?plain_secret=true", { as: "export-read" }))[0]).toBe(403);
    expect((await said("workspaces/tarball?include_key=true", { as: "export-read" }))[0]).toBe(403);
    for (const part of ["include_users", "include_settings", "include_key"]) {
      expect((await said(`workspaces/tarball?${part}=true`))[0]).toBe(403);
      expect((await said(`workspaces/tarball?${part}=true`, { as: "admin" }))[0]).toBe(200);
    }
    expect((await said("workspaces/tarball?plain_secret=true", { as: "olga" }))[0]).toBe(403);
    expect((await said("workspaces/tarball", { as: "eve" }))[0]).toBe(403);
  });
});
