import { spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { root } from "./instance.ts";

/** Test tools that need another Node than the product, or that weigh too much for everybody's `npm install`. */
const cache = join(root, ".build", "npm");

function npm(folder: string, packages: readonly string[], path: string): Promise<string | null> {
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--omit=dev", "--fetch-retries=1"];
  return new Promise((resolve) => {
    const child = spawn("npm", ["install", ...flags, ...packages], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, PATH: path },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) => resolve(code === 0 ? null : said));
  });
}

/**
 * Installs a package from npm once into the checkout's cache, where several test files may ask for it at the same time.
 * @returns its folder; `null`, with a line that says so, when the registry cannot be reached
 */
async function installed(name: string, spec: string, path = process.env["PATH"] ?? ""): Promise<string | null> {
  const place = join(cache, spec.replaceAll(/[^A-Za-z0-9.]+/g, "-"));
  const packageFolder = join(place, "node_modules", name);
  if (existsSync(packageFolder)) return packageFolder;
  const draft = `${place}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, "package.json"), '{"private":true}');
  const failure = await npm(draft, [spec], path);
  if (failure !== null) {
    rmSync(draft, { recursive: true, force: true });
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|network/i.test(failure))
      throw new Error(`npm install ${spec} failed: ${failure}`);
    process.stderr.write(
      `tests that need ${spec} are skipped, the npm registry cannot be reached: ${failure.split("\n")[0] ?? ""}\n`,
    );
    return null;
  }
  try {
    renameSync(draft, place);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // another test file was quicker
  }
  return packageFolder;
}

/** A Node of version 24: this one, or one from npm. `null` when that cannot be had. */
export async function newerNode(): Promise<string | null> {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = await installed(name, `${name}@24`);
  return folder === null ? null : join(folder, "bin", "node");
}

/** The command line of the official MCP Inspector: a program and its first arguments. */
export async function inspector(): Promise<[string, string] | null> {
  const node = await newerNode();
  if (node === null) return null;
  const name = "@modelcontextprotocol/inspector";
  const path = [dirname(node), process.env["PATH"] ?? ""].join(delimiter);
  const folder = await installed(name, `${name}@2.12.0`, path);
  return folder === null ? null : [node, join(folder, "clients", "launcher", "build", "index.js")];
}

/** The last released line of the conformance suite, which speaks the 2025 revisions only. */
export async function conformance01(): Promise<[string, string] | null> {
  const node = await newerNode();
  if (node === null) return null;
  const name = "@modelcontextprotocol/conformance";
  const folder = await installed(name, `${name}@0.1.16`);
  return folder === null ? null : [node, join(folder, "dist", "index.js")];
}

/** How many tokens a text is to a current model (`o200k_base`). */
export async function tokenizer(): Promise<((text: string) => number) | null> {
  const folder = await installed("js-tiktoken", "js-tiktoken@1.0.21");
  if (folder === null) return null;
  const [{ Tiktoken }, { default: ranks }] = (await Promise.all([
    import(join(folder, "dist", "lite.js")),
    import(join(folder, "dist", "ranks", "o200k_base.js")),
  ])) as [{ Tiktoken: new (ranks: unknown) => { encode(text: string): unknown[] } }, { default: unknown }];
  const encoder = new Tiktoken(ranks);
  return (text) => encoder.encode(text).length;
}
