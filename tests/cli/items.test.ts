import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { cliOf } from "../support/wmill.ts";

const instance = await startInstance();
const cli = await cliOf(instance, "items");

function write(name: string, text: string): string {
  const path = join(cli.folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return name;
}

describe("variables", () => {
  test("are added as secrets unless told otherwise, and read back", async () => {
    await cli.ok("variable", "add", "hidden", "u/admin/key");
    await cli.ok("variable", "add", "open", "u/admin/plain", "--no-secret", "--description", "a plain one");
    expect(await cli.json("variable", "get", "u/admin/plain")).toMatchObject({
      value: "open",
      is_secret: false,
      description: "a plain one",
    });
    expect(await cli.json("variable", "get", "u/admin/key")).toMatchObject({ is_secret: true });
    const list = await cli.ok("variable", "list");
    expect(list).toMatch(/u\/admin\/plain .* open /);
    expect(list).not.toContain("hidden");
  });

  test("are pushed from files, and pushing them again changes nothing", async () => {
    const file = write("u/admin/pushed.variable.yaml", "value: from a file\nis_secret: false\ndescription: pushed\n");
    expect(await cli.ok("variable", "push", file, "u/admin/pushed", "--plain-secrets")).toContain(
      "Creating new variable",
    );
    const before = await cli.json<{ edited_at: string }>("variable", "get", "u/admin/pushed");
    await cli.ok("variable", "push", file, "u/admin/pushed", "--plain-secrets");
    expect(await cli.json("variable", "get", "u/admin/pushed")).toEqual(before);
    write("u/admin/pushed.variable.yaml", "value: changed\nis_secret: false\ndescription: pushed\n");
    await cli.ok("variable", "push", file, "u/admin/pushed", "--plain-secrets");
    expect(await cli.json("variable", "get", "u/admin/pushed")).toMatchObject({ value: "changed" });
  });

  test("that are secret travel encrypted, and pushing the ciphertext back keeps them", async () => {
    await cli.ok("variable", "add", "the real value", "u/admin/carried", "--secret", "--description", "before");
    const read = "/w/items/variables/get/u/admin/carried?decrypt_secret=false&include_encrypted=true";
    const { value } = await instance.json<{ value: string }>("GET", read);
    expect(value).not.toContain("real");
    const lines = (description: string) => `value: ${value}\nis_secret: true\ndescription: ${description}\n`;
    const file = write("u/admin/carried.variable.yaml", lines("before"));
    await cli.ok("variable", "push", file, "u/admin/carried");
    write("u/admin/carried.variable.yaml", lines("after"));
    await cli.ok("variable", "push", file, "u/admin/carried");
    const after = await cli.json("variable", "get", "u/admin/carried");
    expect(after).toMatchObject({ description: "after", is_secret: true });
    expect(await instance.json("GET", "/w/items/variables/get_value/u/admin/carried")).toBe("the real value");
  });

  test("that are missing are named", async () => {
    const { code, output } = await cli.run("variable", "get", "u/admin/missing");
    expect(code).not.toBe(0);
    expect(output).toMatch(/Not Found: .*u\/admin\/missing/);
  });
});

describe("resources and their types", () => {
  test("are pushed, updated, listed and read back", async () => {
    const type = write(
      "thing.resource-type.yaml",
      "description: A thing\nschema:\n  type: object\n  properties:\n    host:\n      type: string\n",
    );
    expect(await cli.ok("resource-type", "push", type, "c_thing")).toContain("Creating new resource type");
    expect(await cli.ok("resource-type", "get", "c_thing")).toMatch(/A thing[\s\S]*"host"/);
    await cli.ok("resource-type", "generate-namespace");
    expect(readFileSync(join(cli.folder, "rt.d.ts"), "utf8")).toMatch(/CThing/);
    const file = write(
      "thing.resource.yaml",
      "value:\n  host: example.com\n  n: 5\nresource_type: c_thing\ndescription: mine\n",
    );
    expect(await cli.ok("resource", "push", file, "u/admin/thing")).toContain("Creating new resource");
    const made = { value: { host: "example.com", n: 5 }, resource_type: "c_thing", description: "mine" };
    expect(await cli.json("resource", "get", "u/admin/thing")).toMatchObject(made);
    write("thing.resource.yaml", "value:\n  host: other.example\nresource_type: c_thing\ndescription: mine\n");
    await cli.ok("resource", "push", file, "u/admin/thing");
    expect(await cli.json("resource", "get", "u/admin/thing")).toMatchObject({ value: { host: "other.example" } });
    expect(await cli.ok("resource", "list")).toMatch(/u\/admin\/thing .* c_thing/);
  });

  test("more of them than a page come whole and once", async () => {
    const paths = Array.from({ length: 13 }, (_, index) => `u/admin/many_${String(index).padStart(2, "0")}`);
    for (const path of paths) {
      await instance.text("POST", "/w/items/resources/create", { body: { path, value: {}, resource_type: "c_thing" } });
    }
    const listed = await cli.json<{ path: string }[]>("resource", "list");
    expect(
      listed
        .map(({ path }) => path)
        .filter((path) => path.includes("many_"))
        .toSorted(),
    ).toEqual(paths);
  });
});

test("folders are made from a file, listed and shown", async () => {
  await cli.ok("folder", "new", "team", "--summary", "Our team");
  expect(await cli.ok("folder", "push", "team")).toContain("Folder pushed");
  expect(await cli.ok("folder", "get", "team")).toMatch(/Name: team\nSummary: Our team/);
  expect(await cli.json<{ name: string }[]>("folder", "list")).toMatchObject([{ name: "team" }]);
  await cli.ok("folder", "push", "team");
});
