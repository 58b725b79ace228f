import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { inferSchema, parseSignature } from "./index.ts";

const LANGUAGES = [
  { language: "bun", file: "typescript", extension: "ts" },
  { language: "python3", file: "python", extension: "py" },
  { language: "bash", file: "bash", extension: "sh" },
  { language: "postgresql", file: "postgresql", extension: "pg.sql" },
];

const EMPTY = { $schema: "https://json-schema.org/draft/2020-12/schema", type: "object", properties: {}, required: [] };

/** Properties as people leave them: annotated, of another type, with keys nobody knows. */
const PROPERTIES: object[] = [
  { type: "string", description: "a name", format: "uri", pattern: "^x", default: "old", enum: ["p", "q"] },
  { type: "string", description: "", originalType: "string", enum: ["p", "q"], password: true, title: "T", own: 1 },
  { type: "string", format: "date", description: "d", dateFormat: "dd" },
  { type: "string", format: "date-time", contentEncoding: "base64" },
  { type: "number", min: 1, max: 3, currency: "EUR", description: "n" },
  { type: "integer", showExpr: "true", placeholder: "7" },
  {
    type: "array",
    items: { type: "string", enum: ["u"], description: "i" },
    multiselect: true,
    originalType: "string[]",
  },
  { type: "array", items: { type: "object", properties: { z: { type: "string" } }, required: ["z"] } },
  { type: "object", format: "resource-x", properties: { b: { type: "string", description: "kept" } }, order: ["b"] },
  {
    type: "object",
    oneOf: [{ type: "object", title: "a", order: ["b", "kind"], properties: { b: { description: "kept" } } }],
  },
  { type: "", description: "unknown", customErrorMessage: "no" },
  { description: "no type at all", required: true },
];

let folder: string;
const cases: { name: string; language: string; content: string; previous: object | undefined }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "towermill-signature-"));
  mkdirSync(join(folder, "f/x"), { recursive: true });
  writeFileSync(join(folder, "wmill.yaml"), stringify({ defaultTs: "bun", includes: ["f/**"], excludes: [] }));
  for (const { language, file, extension } of LANGUAGES) {
    const scripts = readFileSync(new URL(`../corpus/${file}.txt`, import.meta.url), "utf8").split("\n====\n");
    const step = Math.max(1, Math.floor(scripts.length / 80));
    scripts
      .filter((_, i) => i % step === 0)
      // On an invalid SQL script the command line itself fails.
      .filter((content) => language !== "postgresql" || parseSignature(language, content)?.valid)
      .forEach((content, i) => {
        const name = `f/x/${language}${i}`;
        cases.push({ name, language, content, previous: previousSchema(i) });
        writeFileSync(join(folder, `${name}.${extension}`), content);
        const metadata = { summary: "", description: "", lock: "", kind: "script", schema: previousSchema(i) };
        writeFileSync(join(folder, `${name}.script.yaml`), stringify(metadata));
      });
  }
  await generateMetadata();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the schema of every script is what the official command line writes for it", () => {
  for (const { name, language, content, previous } of cases) {
    const written = parse(readFileSync(join(folder, `${name}.script.yaml`), "utf8")) as { schema: unknown };
    const ours = inferSchema({ language, content, previous })?.schema;
    expect({ content, previous, schema: JSON.parse(JSON.stringify(ours)) }).toEqual({
      content,
      previous,
      schema: written.schema,
    });
  }
});

function previousSchema(i: number): object | undefined {
  if (i % 3 === 0) return EMPTY;
  const pick = (offset: number): object => PROPERTIES[(i + offset) % PROPERTIES.length] ?? {};
  const properties = {
    gone: { type: "string" },
    a: pick(0),
    b: pick(5),
    x: pick(8),
    d: pick(3),
    c: pick(2),
    y: pick(9),
  };
  return { ...EMPTY, properties, required: ["gone", "a"], order: ["x", "gone", "a"], own: { kept: true } };
}

/** Runs the official command line on the folder, before a server that knows nothing but who is asking. */
async function generateMetadata(): Promise<void> {
  const me = { email: "a@example.com", username: "a", is_admin: true, groups: [], folders: [] };
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.url?.includes("whoami") ? me : []));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const program = join(createRequire(import.meta.url).resolve("windmill-cli/package.json"), "../esm/main.js");
  const options = ["--base-url", `http://127.0.0.1:${port}/`, "--token", "x", "--workspace", "w"];
  const child = spawn(process.execPath, [program, "generate-metadata", "--schema-only", "--yes", ...options], {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: join(folder, "home") },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 100_000,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.on("close", resolve));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  if (code !== 0) throw new Error(`the official command line ended with ${String(code)}: ${output.slice(-2000)}`);
}
