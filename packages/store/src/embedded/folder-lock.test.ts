import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startProcess, testFolder } from "@towermill/testkit";
import { expect, test } from "vitest";
import { DataFolderBusy } from "./embedded-error.ts";
import { lockFolder } from "./folder-lock.ts";
import { processStart } from "./process-identity.ts";

function folderLockedBy(holder: unknown): string {
  const folder = testFolder();
  writeFileSync(join(folder, "lock"), typeof holder === "string" ? holder : JSON.stringify(holder));
  return folder;
}

test("a folder is locked for one until it is given back", () => {
  const folder = testFolder();
  const unlock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(DataFolderBusy);
  expect(() => lockFolder(folder)).toThrow(`(process ${process.pid})`);
  unlock();
  lockFolder(folder)();
  expect(readdirSync(folder)).toEqual([]);
});

test("a living process of another program holds its lock", async () => {
  const other = await startProcess({ command: ["sleep", "60"] });
  const folder = folderLockedBy({ pid: other.pid, start: processStart(other.pid) });
  expect(() => lockFolder(folder)).toThrow(`(process ${other.pid})`);
  other.signal("SIGKILL");
  await other.ended;
  lockFolder(folder)();
});

test("a lock is stale when its pid belongs to a process that began at another time", () => {
  lockFolder(folderLockedBy({ pid: process.pid, start: "long ago" }))();
});

test("a lock that is cut off or no lock at all is stale", () => {
  for (const text of ["", "{", '{"pid":', "null", '{"pid":"x","start":1}']) lockFolder(folderLockedBy(text))();
});

test("giving back twice does not take it from the next holder", () => {
  const folder = testFolder();
  const unlock = lockFolder(folder);
  unlock();
  writeFileSync(join(folder, "lock"), "of somebody else");
  unlock();
  expect(readdirSync(folder)).toEqual(["lock"]);
});
