import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { testFolder } from "@towermill/testkit";
import { root } from "./instance.ts";

/**
 * A copy of this checkout as a clone would have it, nothing built, its dependencies borrowed from here: what a newcomer
 * has once `npm ci` is through.
 */
export function freshCheckout(): string {
  const folder = join(testFolder(), "towermill");
  const names = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const name of names
    .split("\0")
    .filter((path) => path !== "" && !path.includes("node_modules") && existsSync(join(root, path)))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(root, name), join(folder, name));
  }
  borrowDependencies(folder);
  writeInstalledStamp(folder);
  return folder;
}

/** The packages of the product are the copy's own; all others are links to the ones installed here. */
function borrowDependencies(folder: string): void {
  mkdirSync(join(folder, "node_modules", "@towermill"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@towermill") symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  for (const name of readdirSync(join(folder, "packages"))) {
    const own = join(root, "packages", name, "node_modules");
    if (existsSync(own)) symlinkSync(own, join(folder, "packages", name, "node_modules"));
    const scope = join(folder, "node_modules", "@towermill");
    symlinkSync(relative(scope, join(folder, "packages", name)), join(scope, name));
  }
}

/** As `scripts/prepare.mjs` leaves it after `npm ci`. */
function writeInstalledStamp(folder: string): void {
  const lock = join(folder, "package-lock.json");
  const stamp = createHash("sha256")
    .update(process.platform + process.arch)
    .update(lock)
    .update(readFileSync(lock))
    .digest("hex");
  mkdirSync(join(folder, ".build"));
  writeFileSync(join(folder, ".build", "installed"), stamp);
}
