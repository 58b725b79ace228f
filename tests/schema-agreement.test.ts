import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { root, startInstance } from "./support/instance.ts";
import { deployScript } from "./support/script.ts";
import { cliOf } from "./support/wmill.ts";

const perLanguage = 25;
const languages = [
  { language: "bun", corpus: "typescript", extension: "ts" },
  { language: "python3", corpus: "python", extension: "py" },
  { language: "bash", corpus: "bash", extension: "sh" },
];

const instance = await startInstance();
const cli = await cliOf(instance, "schemas");

/** Scripts of one language, spread over the whole corpus. */
function scriptsOf(corpus: string): string[] {
  const all = readFileSync(join(root, "packages/signature/corpus", `${corpus}.txt`), "utf8").split("\n====\n");
  const step = Math.max(1, Math.floor(all.length / perLanguage));
  return all.filter((_, index) => index % step === 0).slice(0, perLanguage);
}

const scripts = languages.flatMap(({ language, corpus, extension }) =>
  scriptsOf(corpus).map((content, index) => ({
    language,
    content,
    extension,
    path: `f/schemas/${extension}_${index}`,
  })),
);

/** As `script bootstrap` leaves it. */
const metadata = `summary: ''
description: ''
lock: ''
kind: script
schema:
  $schema: 'https://json-schema.org/draft/2020-12/schema'
  type: object
  properties: {}
  required: []
`;

/** What stays where neither can read the signature. */
const untouched = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: {},
  required: [],
};

test(
  "the server infers on deploy what the official command line infers locally, for all it is given",
  { timeout: 120_000 },
  async () => {
    await instance.text("POST", "/w/schemas/folders/create", { body: { name: "schemas" } });
    mkdirSync(join(cli.folder, "f/schemas"), { recursive: true });
    writeFileSync(join(cli.folder, "wmill.yaml"), 'defaultTs: bun\nincludes: ["**"]\nexcludes: []\n');
    for (const { path, extension, content } of scripts) {
      writeFileSync(join(cli.folder, `${path}.${extension}`), content);
      writeFileSync(join(cli.folder, `${path}.script.yaml`), metadata);
    }
    await cli.ok("generate-metadata", "--schema-only", "--yes");
    for (const { path, language, content } of scripts) {
      await deployScript(instance, { workspace: "schemas", path, language, content, lock: "" });
      const { schema = untouched } = await instance.json<{ schema?: unknown }>(
        "GET",
        `/w/schemas/scripts/get/p/${path}`,
      );
      const local = parse(readFileSync(join(cli.folder, `${path}.script.yaml`), "utf8")) as { schema: unknown };
      expect({ content, schema }).toEqual({ content, schema: local.schema });
    }
  },
);

test("what was deployed without a schema shows no difference when it is pushed", { timeout: 60_000 }, async () => {
  const content =
    'type Level = "low" | "high";\nexport async function main(level: Level, when?: Date, tags: string[] = [], options: { deep: boolean } = { deep: true }) {}\n';
  await deployScript(instance, { workspace: "schemas", path: "u/admin/pushed", language: "bun", content });
  mkdirSync(join(cli.folder, "u/admin"), { recursive: true });
  writeFileSync(join(cli.folder, "u/admin/pushed.ts"), content);
  writeFileSync(join(cli.folder, "u/admin/pushed.script.yaml"), metadata);
  await cli.ok("generate-metadata", "--yes");
  expect(await cli.ok("script", "push", "u/admin/pushed.ts")).toContain("u/admin/pushed is up to date");
});
