/** A worker in a process of its own, for tests that kill one or need another user: TypeScript on plain Node. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Removes types while loading, as the test runner does for the tests themselves. */
const loader = (esbuild: string): string => `
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from ${JSON.stringify(esbuild)};
export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const { code } = transformSync(readFileSync(fileURLToPath(url), "utf8"), { loader: "ts", format: "esm" });
  return { format: "module", source: code, shortCircuit: true };
}`;

/**
 * Starts Node on `code` (an ES module with \`startTrial\` at hand). `uid`: the user it runs as; needs root. The caller
 * removes `folder`.
 */
export function startWorker(code: string, uid?: number): { child: ChildProcess; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "towermill-worker-"));
  chmodSync(folder, 0o755);
  const esbuild = pathToFileURL(createRequire(import.meta.url).resolve("esbuild")).href;
  const trial = new URL("./trial.ts", import.meta.url).href;
  const hooks = join(folder, "hooks.mjs");
  writeFileSync(hooks, loader(esbuild));
  const register = join(folder, "register.mjs");
  writeFileSync(
    register,
    `import { register } from "node:module"; register(${JSON.stringify(pathToFileURL(hooks).href)});`,
  );
  const main = join(folder, "main.mjs");
  writeFileSync(main, `import { startTrial } from ${JSON.stringify(trial)};\n${code}`);
  const args = ["--conditions=source", "--import", pathToFileURL(register).href, main];
  const user = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(process.execPath, args, {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/tmp", WORKER_CANARY: "canary" },
    stdio: ["ignore", "pipe", "inherit"],
    ...user,
  });
  return { child, folder };
}

/** The first line the worker prints. Throws when it ends without one. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8");
    child.stdout?.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("close", (code) => reject(new Error(`The worker ended with ${String(code)}: ${text}`)));
  });
}
