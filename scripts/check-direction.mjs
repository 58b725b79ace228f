// Dependencies between packages point one way. A package may import those of earlier ranks only, through their one door,
// and only what its package.json names.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./prepare.mjs";

const ranks = [
  ["contract"],
  ["openflow", "signature", "cron", "expression", "app-format", "workspace-files"],
  ["store"],
  ["vault", "queue", "runtimes"],
  ["runnable"],
  ["flow-driver"],
  ["worker", "duties", "server", "mcp"],
  ["towermill"],
];
const anywhere = new Set(["testkit"]);
const rankOf = (name) => ranks.findIndex((names) => names.includes(name));

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

const problems = [];
for (const name of readdirSync(join(root, "packages"))) {
  const folder = join(root, "packages", name);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }));
  if (rankOf(name) === -1 && !anywhere.has(name))
    problems.push(`${name} has no rank: add it to scripts/check-direction.mjs`);
  for (const file of files(join(folder, "src"))) {
    const isTest = /\.(test|fixture|test-support)\.ts$/.test(file);
    for (const [, specifier] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(@towermill\/[^"]+)"/g)) {
      const target = specifier.slice("@towermill/".length);
      const where = file.slice(root.length + 1);
      if (target.includes("/")) problems.push(`${where}: ${specifier} goes past the door of its package`);
      else if (isTest || name === "testkit" || target === "testkit") continue;
      else if (rankOf(target) >= rankOf(name)) problems.push(`${where}: ${name} must not depend on ${target}`);
      else if (!declared.has(specifier)) problems.push(`${where}: ${specifier} is not in the package.json of ${name}`);
    }
  }
}
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
