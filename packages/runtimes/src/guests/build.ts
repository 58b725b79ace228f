import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Puts the guest programs into `folder`: one JavaScript file for bun, node and deno; Python files, compiled. */
export async function installGuests(folder: string, python: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const typescript = join(here, "javascript", "main.ts");
  const bundled = build({
    entryPoints: [existsSync(typescript) ? typescript : join(here, "javascript", "main.js")],
    outfile: join(folder, "javascript.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    logLevel: "silent",
    banner: { js: "// The guest program of Towermill's runners." },
  });
  writeFileSync(join(folder, "rehearsal.mjs"), "export function main() {}\n");
  const target = join(folder, "python");
  cpSync(join(here, "python"), target, { recursive: true });
  await promisify(execFile)(python, ["-I", "-m", "compileall", "-q", target], { env: { PATH: "/usr/bin:/bin" } });
  await bundled;
}
