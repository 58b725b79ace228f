import { expect, test } from "vitest";
import { formatBunLock, formatPackageJson, parseBunLock } from "./lock-text.ts";

const lockfile = `{\n  "lockfileVersion": 1,\n  "workspaces": { "": {} },\n  "packages": {}\n}\n`;

test("a lock reads back as it was written", () => {
  const packageJson = formatPackageJson(
    new Map([
      ["lodash", "4"],
      ["a", "latest"],
    ]),
  );
  expect(packageJson).toBe(`{\n  "dependencies": {\n    "a": "latest",\n    "lodash": "4"\n  }\n}`);
  const lock = parseBunLock(formatBunLock(packageJson, lockfile));
  expect(lock).toEqual({
    packageJson,
    dependencies: { a: "latest", lodash: "4" },
    lockfile: { name: "bun.lock", content: lockfile },
  });
});

test.each(["", "<empty>", "{}\n//bun.lock\n<empty>", '{"dependencies": {}}\n//bun.lock\n'])(
  "%j needs no packages",
  (text) => {
    expect(parseBunLock(text)).toMatchObject({ dependencies: {}, lockfile: null });
  },
);

test("binary lockfiles and npm's own are recognised", () => {
  const binary = parseBunLock(`{"dependencies":{"a":"1"}}\n//bun.lockb\n${Buffer.from("abc").toString("base64")}`);
  expect(binary?.lockfile).toEqual({ name: "bun.lockb", content: Buffer.from("abc") });
  const npm = parseBunLock(
    `{"dependencies":{"a":"1"}}\n//bun.lock\n{\n "name": "x",\n "lockfileVersion": 3,\n "packages": {}}`,
  );
  expect(npm?.lockfile?.name).toBe("package-lock.json");
});

test("another language's lock is none", () => {
  expect(parseBunLock("# py: 3.11\nrequests==2")).toBeNull();
  expect(parseBunLock("[]\n//bun.lock\n<empty>")).toBeNull();
});
