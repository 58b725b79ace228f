import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { cliOf } from "../support/wmill.ts";

const instance = await startInstance();
const cli = await cliOf(instance, "scripts");

function write(name: string, text: string): string {
  const path = join(cli.folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return name;
}

const read = (name: string) => readFileSync(join(cli.folder, name), "utf8");
write("wmill.yaml", 'defaultTs: bun\nincludes: ["**"]\nexcludes: []\n');

const greeter = `import pad from "left-pad@1.3.0";
export async function main(name: string, width: number = 12, kind: "a" | "b" = "a") {
  console.log("padding " + name);
  return { padded: pad(name, width), kind };
}
`;

describe("a TypeScript script", () => {
  test(
    "gets its lock and schema from generate-metadata, is pushed, and pushing it again changes nothing",
    { timeout: 60_000 },
    async () => {
      await cli.ok("script", "bootstrap", "u/admin/greeter", "bun", "--summary", "Pads a name");
      const file = write("u/admin/greeter.ts", greeter);
      await cli.ok("generate-metadata", "--yes");
      expect(read("u/admin/greeter.script.lock")).toContain("left-pad@1.3.0");
      expect(read("u/admin/greeter.script.yaml")).toMatch(/kind:\n\s+type: string[\s\S]*required:\n\s+- name/);
      expect(await cli.ok("script", "push", file)).toContain("Created new script u/admin/greeter");
      expect(await cli.ok("script", "push", file)).toContain("is up to date");
      expect(await cli.ok("generate-metadata", "--yes", "--dry-run")).not.toContain("u/admin/greeter");
      expect(await cli.json<unknown[]>("script", "history", "u/admin/greeter")).toHaveLength(1);
    },
  );

  test("is listed, shown and read back as it was pushed", async () => {
    expect(await cli.ok("script", "list")).toMatch(/u\/admin\/greeter .* Pads a name .* bun .* admin/);
    expect(await cli.ok("script", "show", "u/admin/greeter")).toContain(greeter.trim());
    const script = await cli.json("script", "get", "u/admin/greeter");
    expect(script).toMatchObject({
      content: greeter,
      language: "bun",
      summary: "Pads a name",
      lock: read("u/admin/greeter.script.lock"),
    });
  });

  test("runs, shows its logs while it does, and its result", async () => {
    const output = await cli.ok("script", "run", "u/admin/greeter", "-d", '{"name": "Ada"}');
    expect(output).toMatch(/padding Ada[\s\S]*"padded": " {9}Ada"/);
    const silent = await cli.ok(
      "script",
      "run",
      "--silent",
      "u/admin/greeter",
      "-d",
      '{"name": "Bob", "kind": "b", "width": 5}',
    );
    expect(JSON.parse(silent)).toEqual({ padded: "  Bob", kind: "b" });
  });

  test("is previewed as it is on disk, deployed or not", async () => {
    write("u/admin/greeter.ts", greeter.replace("padding", "previewing"));
    const silent = await cli.ok(
      "script",
      "preview",
      "--silent",
      "u/admin/greeter.ts",
      "-d",
      '{"name": "Eve", "width": 4}',
    );
    expect(JSON.parse(silent.slice(silent.indexOf("{")))).toEqual({ padded: " Eve", kind: "a" });
    expect(await cli.ok("script", "show", "u/admin/greeter")).toContain("padding");
    write("u/admin/greeter.ts", greeter);
  });

  test("has a history with the messages of its deployments", async () => {
    write("u/admin/greeter.ts", `${greeter}// second version\n`);
    await cli.ok("generate-metadata", "--yes");
    await cli.ok("script", "push", "u/admin/greeter.ts", "--message", "a second version");
    const versions = await cli.json<{ deployment_msg?: string }[]>("script", "history", "u/admin/greeter");
    expect(versions.map(({ deployment_msg }) => deployment_msg)).toEqual(["a second version", undefined]);
    expect(await cli.ok("script", "history", "u/admin/greeter")).toContain("a second version");
  });

  test("imports another script of the workspace, pushed or only on disk", async () => {
    const file = write(
      "u/admin/caller.ts",
      'import { main as greet } from "./greeter";\nexport const main = async () => (await greet("Zoe", 6)).padded;\n',
    );
    const preview = await cli.ok("script", "preview", "--silent", file);
    expect(preview).toContain("   Zoe");
    await cli.ok("generate-metadata", "--yes");
    await cli.ok("script", "push", file);
    expect(JSON.parse(await cli.ok("script", "run", "--silent", "u/admin/caller"))).toBe("   Zoe");
  });
});

describe("scripts of other languages", () => {
  test("in Python are pushed without metadata, run, and fail with what they raised", { timeout: 60_000 }, async () => {
    const file = write(
      "u/admin/raises.py",
      'def main(n: int):\n    print("before")\n    raise ValueError(f"no {n}")\n',
    );
    await cli.ok("script", "push", file);
    const { code, output } = await cli.run("script", "run", "u/admin/raises", "-d", '{"n": 7}');
    expect(code).toBe(1);
    expect(output).toMatch(/before[\s\S]*"name": "ValueError",\s+"message": "no 7"/);
    expect(existsSync(join(cli.folder, "u/admin/raises.script.yaml"))).toBe(true);
  });

  test("in Bash take their arguments by position", async () => {
    const file = write("u/admin/adds.sh", 'a="$1"\nb="${2:-40}"\necho "adding"\necho $((a + b))\n');
    await cli.ok("generate-metadata", "--yes");
    await cli.ok("script", "push", file);
    expect(JSON.parse(await cli.ok("script", "run", "--silent", "u/admin/adds", "-d", '{"a": "2"}'))).toBe("42");
  });
});

describe("what is wrong is said", () => {
  test("when a script is missing, or an argument, or the arguments are no JSON", async () => {
    expect(await cli.run("script", "run", "u/admin/nothing")).toMatchObject({
      code: 1,
      output: expect.stringContaining("'u/admin/nothing' not found"),
    });
    expect(await cli.run("script", "run", "u/admin/greeter")).toMatchObject({
      code: 1,
      output: expect.stringContaining("Missing required arguments: name"),
    });
    expect(await cli.run("script", "run", "u/admin/greeter", "-d", "{")).toMatchObject({
      code: 1,
      output: expect.stringContaining("Impossible to parse input as JSON"),
    });
    expect((await cli.run("script", "get", "u/admin/nothing")).code).not.toBe(0);
  });

  test("when the code does not compile, with its place", async () => {
    const file = write("u/admin/broken.ts", "export async function main() {\n  return 1 +;\n}\n");
    const { code, output } = await cli.run("script", "preview", file);
    expect(code).toBe(1);
    expect(output).toMatch(/u\/admin\/broken\.ts[\s\S]*2/);
  });
});

test("more scripts than a page come whole and once", async () => {
  const paths = Array.from({ length: 13 }, (_, index) => `u/admin/many_${String(index).padStart(2, "0")}`);
  for (const path of paths) {
    const body = { path, summary: "", description: "", content: "echo 1", language: "bash", lock: "" };
    await instance.text("POST", "/w/scripts/scripts/create", { body });
  }
  const listed = await cli.json<{ path: string }[]>("script", "list");
  expect(
    listed
      .map(({ path }) => path)
      .filter((path) => path.includes("many_"))
      .toSorted(),
  ).toEqual(paths);
});
