import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPool, sql } from "@towermill/store";
import { describe, expect, test } from "vitest";
import { startProcess, testClock, testDatabase, testFolder } from "./index.ts";

const { db } = await testDatabase();

describe("a test database", () => {
  test("is a migrated copy of its own", async () => {
    const other = await testDatabase();
    const migrations = await db.query(sql`select number from migration`);
    await other.db.execute(sql`create table only_here (a int)`);
    expect(migrations.length).toBeGreaterThan(0);
    expect(await db.one(sql`select to_regclass('only_here') as found`)).toEqual({ found: null });
  });

  test("refuses to go while somebody else is connected, and goes all the same", async () => {
    const { url, drop } = await testDatabase();
    const forgotten = openPool({ url, applicationName: "forgotten" });
    await forgotten.query(sql`select 1`);
    await expect(drop()).rejects.toThrow(/left open:\nforgotten/);
    await forgotten.close();
  });
});

test("a test folder is gone after its test", () => {
  const folder = testFolder();
  writeFileSync(join(folder, "file"), "");
  earlier = folder;
});
let earlier = "";
test("a test folder of the test before is gone", () => {
  expect(earlier).not.toBe("");
  expect(existsSync(earlier)).toBe(false);
});

test("a clock moves only when told", () => {
  const clock = testClock("2031-05-01T00:00:00Z");
  clock.advanceBy(1500);
  expect(clock.now().toISOString()).toBe("2031-05-01T00:00:01.500Z");
  clock.moveTo("2032-01-01T00:00:00Z");
  expect(clock.now().getUTCFullYear()).toBe(2032);
  expect(() => clock.moveTo("soon")).toThrow(/is no time/);
});

describe("a test process", () => {
  const node = (script: string) => startProcess({ command: [process.execPath, "-e", script], env: { WORD: "ready" } });

  test("shows its output and how it ended", async () => {
    const child = await node("console.log('is ' + process.env.WORD, process.env.VITEST); process.exitCode = 3");
    expect((await child.until(/is (\w+) undefined/))[1]).toBe("ready");
    expect(await child.ended).toEqual({ code: 3, signal: null });
  });

  test("tells what was printed when the expected text does not come", async () => {
    const child = await node("console.log('something else')");
    await expect(child.until(/never/)).rejects.toThrow(/ended \(0\) without printing .*\nsomething else/s);
  });

  test("is killed after its test", async () => {
    const child = await node("console.log('up'); setInterval(() => {}, 1000)");
    await child.until(/up/);
    expect(child.output()).toBe("up\n");
  });
});
