import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testDatabase, testFolder } from "@towermill/testkit";
import { expect, test } from "vitest";
import { readInstanceKey, requireSameKey } from "./instance-key.ts";
import { readSettings } from "./setting.ts";

const { db } = await testDatabase();

test("the key is made once, for its owner alone, and read again", () => {
  const settings = readSettings({ TOWERMILL_DATA: join(testFolder(), "data") });
  const key = readInstanceKey(settings);
  expect(key).toHaveLength(32);
  expect(readInstanceKey(settings)).toEqual(key);
  expect(statSync(join(settings.dataFolder, "instance.key")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(settings.dataFolder, "instance.key"), "utf8").trim()).toBe(key.toString("hex"));
});

test("a damaged key file is refused, never replaced", () => {
  const folder = testFolder();
  writeFileSync(join(folder, "instance.key"), "damaged");
  expect(() => readInstanceKey(readSettings({ TOWERMILL_DATA: folder }))).toThrow(/does not hold an instance key/);
  expect(readFileSync(join(folder, "instance.key"), "utf8")).toBe("damaged");
});

test("a process with another key than the database's is refused with what to do", async () => {
  const key = randomBytes(32);
  await requireSameKey(db, key);
  await requireSameKey(db, key);
  await expect(requireSameKey(db, randomBytes(32))).rejects.toThrow(/another key.*TOWERMILL_INSTANCE_KEY_FILE/);
});
