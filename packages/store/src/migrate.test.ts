import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startProcess, testDatabase, testFolder } from "@towermill/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { migrate, migrationStatus } from "./migrate.ts";
import { readMigrations } from "./migration-file.ts";
import { sql } from "./sql.ts";

const { db, url } = await testDatabase();

function folderOf(files: Record<string, string>): string {
  const folder = testFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const two = {
  "0001_a.sql": "create table a (id int);",
  "0002_b.sql": "create table b (id int);\ninsert into b values (1);",
};

beforeEach(async () => {
  await db.execute(sql`drop schema public cascade`);
  await db.execute(sql`create schema public`);
});

describe("migrating", () => {
  test("applies what is missing, in order and once", async () => {
    expect(await migrate({ url, folder: folderOf(two) })).toEqual(["0001_a.sql", "0002_b.sql"]);
    expect(await migrate({ url, folder: folderOf(two) })).toEqual([]);
    const three = folderOf({ ...two, "0003_c.sql": "create table c (id int)", "notes.txt": "no migration" });
    expect(await migrationStatus({ url, folder: three })).toMatchObject({
      pending: ["0003_c.sql"],
      problem: undefined,
    });
    expect(await migrate({ url, folder: three })).toEqual(["0003_c.sql"]);
  });

  test("by several processes at once happens once", async () => {
    const folder = folderOf(two);
    const done = await Promise.all(Array.from({ length: 6 }, () => migrate({ url, folder })));
    expect(done.flat().toSorted()).toEqual(["0001_a.sql", "0002_b.sql"]);
    expect(await db.query(sql`select * from b`)).toHaveLength(1);
  });

  test("undoes a file that fails, keeps the ones before and tells the line", async () => {
    const folder = folderOf({ ...two, "0002_b.sql": "create table b (id int);\n\nselect nothing from b;" });
    await expect(migrate({ url, folder })).rejects.toThrow(/0002_b.sql failed and was undone: .*nothing.* \(line 3\)/);
    expect(await db.one(sql`select to_regclass('a')::text as a, to_regclass('b') as b`)).toEqual({ a: "a", b: null });
    writeFileSync(join(folder, "0002_b.sql"), two["0002_b.sql"]);
    expect(await migrate({ url, folder })).toEqual(["0002_b.sql"]);
  });

  test("killed in the middle is finished by the next run", async () => {
    const slow = "create table b (id int); select pg_sleep(30); insert into b values (1);";
    const folder = folderOf({ ...two, "0002_b.sql": slow });
    const built = new URL("../dist/index.js", import.meta.url).href;
    const script = `import { migrate } from ${JSON.stringify(built)}; await migrate(${JSON.stringify({ url, folder })})`;
    const child = await startProcess({ command: [process.execPath, "--input-type=module", "-e", script] });
    const sleeping = sql`select pid from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()`;
    await expect.poll(() => db.query(sleeping), { timeout: 10_000 }).toHaveLength(1);
    child.signal("SIGKILL");
    await child.ended;
    // The server notices a vanished client only when it writes: end the session as a restart would.
    await db.query(sql`select pg_terminate_backend(pid, 5000) from (${sleeping}) as left_over`);
    writeFileSync(join(folder, "0002_b.sql"), two["0002_b.sql"]);
    expect(await migrate({ url, folder })).toEqual(["0002_b.sql"]);
  });

  test("refuses a file that changed after it was applied, whatever its line ends", async () => {
    const folder = folderOf(two);
    await migrate({ url, folder });
    writeFileSync(join(folder, "0002_b.sql"), two["0002_b.sql"].replaceAll("\n", "\r\n"));
    expect(await migrate({ url, folder })).toEqual([]);
    writeFileSync(join(folder, "0002_b.sql"), "create table b (id bigint);");
    await expect(migrate({ url, folder })).rejects.toThrow(/0002_b.sql was changed after it was applied/);
  });

  test("refuses a database that a newer program made", async () => {
    const folder = folderOf(two);
    await migrate({ url, folder });
    rmSync(join(folder, "0002_b.sql"));
    await expect(migrate({ url, folder })).rejects.toThrow(
      /database is newer than this program: it has migration 0002_b/,
    );
    expect((await migrationStatus({ url, folder })).problem).toMatch(/newer than this program/);
  });
});

test("the status of an empty database changes nothing in it", async () => {
  const status = await migrationStatus({ url, folder: folderOf(two) });
  expect(status).toMatchObject({ applied: [], pending: ["0001_a.sql", "0002_b.sql"], problem: undefined });
  expect(Number.parseInt(status.postgres)).toBeGreaterThanOrEqual(14);
  expect(await db.one(sql`select to_regclass('migration') as found`)).toEqual({ found: null });
});

describe("migration files", () => {
  test("need a number each, without gap or repeat", () => {
    expect(() => readMigrations(folderOf({ "0002_b.sql": "" }))).toThrow(/number 2 where 1 is due/);
    expect(() => readMigrations(folderOf({ "0001_a.sql": "", "0001_b.sql": "" }))).toThrow(/number 1 where 2 is due/);
    expect(() => readMigrations(folderOf({ "first.sql": "" }))).toThrow(/a name looks like/);
  });

  test("leave transactions to the runner, but may hold functions", () => {
    expect(() => readMigrations(folderOf({ "0001_a.sql": "select 1;\nCOMMIT ;" }))).toThrow(
      /begins or ends a transaction/,
    );
    const body = "create function f() returns void language plpgsql as $$\nbegin\n  perform 1;\nend;\n$$;";
    expect(readMigrations(folderOf({ "0001_a.sql": body }))).toHaveLength(1);
  });

  test("of the product itself are in order", () => {
    expect(readMigrations().length).toBeGreaterThan(0);
  });
});
