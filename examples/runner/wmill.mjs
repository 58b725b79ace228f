// The official command line, unmodified, with a configuration of its own.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";

const main = join(dirname(createRequire(import.meta.url).resolve("windmill-cli/package.json")), "esm", "main.js");

/** Answers a function that runs `wmill` in the folder: `{ code, output }`. */
export function wmillIn(folder, configFolder) {
  const options = {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: configFolder, WMILL_CONFIG_DIR: configFolder, NO_COLOR: "1" },
    timeout: 180_000,
  };
  return (...args) =>
    new Promise((resolve) => {
      execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, output: stripVTControlCharacters(stdout), complaint: stripVTControlCharacters(stderr) });
      });
    });
}
