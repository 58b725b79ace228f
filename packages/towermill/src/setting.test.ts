import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testFolder } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { readSettings, SettingError, settingTable, unknownSettings } from "./setting.ts";

describe("settings", () => {
  test("have defaults that start the platform on this machine alone", () => {
    expect(readSettings({})).toMatchObject({
      PORT: 8000,
      HOST: "127.0.0.1",
      MODE: "standalone",
      TOWERMILL_ISOLATION: "auto",
    });
  });

  test("come from the environment, flags win, empty counts as unset", () => {
    const settings = readSettings({ PORT: "1", HOST: "", NUM_WORKERS: "3" }, { PORT: "2" });
    expect(settings).toMatchObject({ PORT: 2, HOST: "127.0.0.1", NUM_WORKERS: 3 });
  });

  test.each([
    [{ PORT: "eight" }, /^PORT: /],
    [{ PORT: "70000" }, /^PORT: /],
    [{ MODE: "everything" }, /^MODE: /],
    [{ DATABASE_URL: "mysql://x" }, /^DATABASE_URL: must begin with postgresql/],
    [{ TOWERMILL_INSTANCE_KEY: "abc" }, /^TOWERMILL_INSTANCE_KEY: must be 64/],
    [{ TOWERMILL_ADMIN_EMAIL: "nobody" }, /^TOWERMILL_ADMIN_EMAIL: /],
    [{ BASE_URL: "javascript:alert(1)" }, /^BASE_URL: /],
    [{ WORKER_GROUP: "a b" }, /^WORKER_GROUP: may hold/],
    [{ NUM_WORKERS: "0" }, /^NUM_WORKERS: /],
  ])("%j is refused by name", (environment, message) => {
    expect(() => readSettings(environment)).toThrow(SettingError);
    expect(() => readSettings(environment)).toThrow(message);
  });

  test("that are secret may lie in a file, and a missing file is named", () => {
    const file = join(testFolder(), "url");
    writeFileSync(file, "postgresql://somewhere/x\n");
    expect(readSettings({ DATABASE_URL_FILE: file }).DATABASE_URL).toBe("postgresql://somewhere/x");
    expect(readSettings({ DATABASE_URL_FILE: file, DATABASE_URL: "postgresql://given" }).DATABASE_URL).toBe(
      "postgresql://given",
    );
    expect(() => readSettings({ DATABASE_URL_FILE: `${file}.gone` })).toThrow(/DATABASE_URL_FILE: .* cannot be read/);
  });

  test("with a wrong name get a sentence with the nearest right one", () => {
    expect(
      unknownSettings({ TOWERMILL_DATE: "x", TOWERMILL_DATA: "y", OTHER: "z", TOWERMILL_INSTANCE_KEY_FILE: "k" }),
    ).toEqual(["TOWERMILL_DATE is not a setting; did you mean TOWERMILL_DATA?"]);
  });

  test("are all documented", () => {
    for (const row of settingTable()) expect(row.meaning, row.name).not.toBe("");
  });
});
