// Brings a checkout to the state where it can run: dependencies as the lock file says, packages built from the sources as
// they are. Uses nothing but Node, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamps = join(root, ".build");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Towermill needs Node 20.19 or newer; this is ${process.version}. Install a newer Node and run the command again.`,
  );
  process.exit(1);
}

/** Runs a command of the checkout; its output is shown, its failure ends the process with its code. */
export function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (done.error) {
    console.error(`${command} could not be started: ${done.error.message}`);
    process.exit(1);
  }
  if (done.status !== 0) process.exit(done.status ?? 1);
}

function stampOf(name) {
  const file = join(stamps, name);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function writeStamp(name, value) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, name), value);
}

function digest(files) {
  const hash = createHash("sha256").update(process.platform + process.arch);
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

/** Sources of every package: what the build reads. */
function sources() {
  const found = [join(root, "tsconfig.base.json"), join(root, "tsconfig.json")];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== "dist" && entry.name !== "node_modules") walk(path);
      } else if (/\.(ts|tsx|json|py|mjs|js|sh|css|html)$/.test(entry.name) && !entry.name.endsWith(".tsbuildinfo"))
        found.push(path);
    }
  };
  walk(join(root, "packages"));
  for (const page of readdirSync(join(root, "docs"))) if (page.endsWith(".md")) found.push(join(root, "docs", page));
  return found.sort();
}

/** Installs dependencies when the lock file is not what is installed. */
export function install() {
  const wanted = digest([join(root, "package-lock.json")]);
  if (existsSync(join(root, "node_modules")) && stampOf("installed") === wanted) return;
  console.error("Installing dependencies…");
  const isNew = !existsSync(join(root, "node_modules"));
  // scripts are off: nothing of ours needs them, and nobody else's should run
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  run(process.platform === "win32" ? "npm.cmd" : "npm", [isNew ? "ci" : "install", ...options]);
  writeStamp("installed", wanted);
}

/** Files a package needs beside its compiled modules: guest programs, the launcher, the documentation it answers from. */
function copyAssets() {
  cpSync(join(root, "docs"), join(root, "packages", "server", "dist", "pages"), { recursive: true });
  for (const name of readdirSync(join(root, "packages"))) {
    const from = join(root, "packages", name, "src");
    if (!existsSync(from)) continue;
    const to = join(root, "packages", name, "dist");
    cpSync(from, to, {
      recursive: true,
      filter: (path) =>
        statSync(path).isDirectory()
          ? !path.endsWith("__pycache__")
          : /\.(py|sh|mjs|cjs|css|html|json)$/.test(path) && !/\.test\./.test(path),
    });
  }
}

/** Compiles when a source is not what was compiled. */
export function build() {
  const wanted = digest(sources());
  const complete = readdirSync(join(root, "packages")).every((name) =>
    existsSync(join(root, "packages", name, "dist")),
  );
  if (complete && stampOf("built") === wanted) return;
  console.error("Building…");
  rmSync(join(stamps, "built"), { force: true });
  run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"]);
  copyAssets();
  writeStamp("built", wanted);
}

/** Both, each only when needed. */
export function prepare() {
  install();
  build();
}
