import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { startProcess, testFolder, whenDone } from "@towermill/testkit";
import type { TestProcess } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { openPool } from "../pool.ts";
import { sql } from "../sql.ts";
import type { Sql } from "../sql.ts";
import { startEmbedded } from "./embedded.ts";
import type { EmbeddedPostgres } from "./embedded.ts";
import { processStart } from "./process-identity.ts";

const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65_534, gid: 65_534 };

async function start(dataFolder: string, durable = false): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataFolder, durable });
  whenDone(() => server.stop());
  return server;
}

async function ask(url: string, statement: Sql): Promise<Record<string, unknown>[]> {
  const pool = openPool({ url, max: 1 });
  try {
    return await pool.query(statement);
  } finally {
    await pool.close();
  }
}

/** A process that starts the server, writes a row, and stays. */
async function startOwner(dataFolder: string, identity: { uid?: number; gid?: number } = {}): Promise<TestProcess> {
  const built = new URL("../../dist/index.js", import.meta.url).href;
  const script = `
    import { openPool, sql, startEmbedded } from ${JSON.stringify(built)};
    const server = await startEmbedded({ dataFolder: ${JSON.stringify(dataFolder)} });
    const pool = openPool({ url: server.url });
    await pool.execute(sql\`create table if not exists kept (at timestamptz default now())\`);
    await pool.execute(sql\`insert into kept default values\`);
    process.once("SIGTERM", async () => { await pool.close(); await server.stop(); console.log("stopped"); });
    console.log("pid " + server.pid + " url " + server.url);`;
  return startProcess({ command: [process.execPath, "--input-type=module", "-e", script], cwd: "/", ...identity });
}

async function serverPid(owner: TestProcess): Promise<number> {
  return Number((await owner.until(/pid (\d+) /))[1]);
}

const untilGone = (pid: number) => expect.poll(() => processStart(pid), { timeout: 10_000 }).toBeUndefined();

describe("the embedded server", () => {
  test("is reachable by its owner through a socket only, and keeps its data", async () => {
    const dataFolder = join(testFolder(), "made", "on", "the", "way");
    const server = await start(dataFolder);
    const [settings] = await ask(
      server.url,
      sql`select current_setting('listen_addresses') as tcp, current_setting('server_encoding') as encoding,
                 current_setting('max_connections')::int as connections, lower('ÄÖ') as lower,
                 (select datlocprovider::text || datlocale from pg_database where datname = current_database()) as locale`,
    );
    expect(settings).toEqual({ tcp: "", encoding: "UTF8", connections: 200, lower: "äö", locale: "bC.UTF-8" });
    expect(server.version).toMatch(/^18\./);
    expect(statSync(join(dataFolder, "cluster")).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataFolder, "password")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataFolder, "cluster/.s.PGSQL.5432")).isSocket()).toBe(true);
    await expect(ask(server.url.replace(/:[^:@]+@/, ":wrong@"), sql`select 1`)).rejects.toThrow(
      /authentication failed/,
    );
    await ask(server.url, sql`create table kept as select 1 as a`);
    await server.stop();
    await server.stop();
    expect(processStart(server.pid)).toBeUndefined();
    expect(readdirSync(dataFolder).toSorted()).toEqual(["cluster", "password"]);
    expect(await ask((await start(dataFolder)).url, sql`select * from kept`)).toEqual([{ a: 1 }]);
  });

  test("has settings that an operator can override and none of this process's environment", async () => {
    process.env["TOWERMILL_TEST_SECRET"] = "x";
    whenDone(() => delete process.env["TOWERMILL_TEST_SECRET"]);
    const dataFolder = testFolder();
    const first = await start(dataFolder);
    await ask(first.url, sql`alter system set jit = on`);
    if (process.platform === "linux") {
      expect(readFileSync(`/proc/${first.pid}/environ`, "utf8")).not.toContain("TOWERMILL");
    }
    await first.stop();
    const second = await start(dataFolder);
    expect(await ask(second.url, sql`select current_setting('jit') as jit`)).toEqual([{ jit: "on" }]);
  });

  test("works in a folder whose path is too long for a socket, and leaves no short cut behind", async () => {
    const dataFolder = join(testFolder(), "d".repeat(120), "e".repeat(120));
    const server = await start(dataFolder);
    expect(await ask(server.url, sql`select 1 as a`)).toEqual([{ a: 1 }]);
    const shortCut = readFileSync(join(dataFolder, "socket-folder"), "utf8");
    expect(statSync(shortCut).mode & 0o777).toBe(0o700);
    await server.stop();
    expect(existsSync(shortCut)).toBe(false);
  });

  test("that is killed is started again under the same url", async () => {
    const server = await start(testFolder(), true);
    const pool = openPool({ url: server.url, max: 2 });
    whenDone(() => pool.close());
    await pool.execute(sql`create table kept (a int)`);
    const { pid } = server;
    process.kill(pid, "SIGKILL");
    await untilGone(pid);
    await pool.transaction((tx) => tx.execute(sql`insert into kept values (1)`), { retry: "idempotent" });
    await expect.poll(() => server.pid).not.toBe(pid);
  });
});

describe("a data folder", () => {
  test("serves one program at a time", async () => {
    const dataFolder = testFolder();
    const owner = await startOwner(dataFolder);
    await owner.until(/pid/);
    await expect(start(dataFolder)).rejects.toThrow(/in use by another Towermill \(process \d+\): stop it, or choose/);
    owner.signal("SIGTERM");
    expect(await owner.ended).toEqual({ code: 0, signal: null });
    await start(dataFolder);
  });

  test("is free again when its program was killed: the server goes by itself", async () => {
    const dataFolder = testFolder();
    const owner = await startOwner(dataFolder);
    const pid = await serverPid(owner);
    owner.signal("SIGKILL");
    await owner.ended;
    await untilGone(pid);
    expect(await ask((await start(dataFolder)).url, sql`select count(*) as rows from kept`)).toEqual([{ rows: 1 }]);
  });

  test("is taken over with the server that a killed program left running", async () => {
    const dataFolder = testFolder();
    const owner = await startOwner(dataFolder);
    const pid = await serverPid(owner);
    const watchdog = readdirSync("/proc").find((entry) => commandOf(entry).endsWith(`towermill-watchdog\0${pid}\0`));
    process.kill(Number(watchdog), "SIGKILL");
    owner.signal("SIGKILL");
    await owner.ended;
    expect(processStart(pid)).toBeDefined();
    const server = await start(dataFolder);
    expect(server.pid).not.toBe(pid);
    expect(processStart(pid)).toBeUndefined();
    expect(await ask(server.url, sql`select count(*) as rows from kept`)).toEqual([{ rows: 1 }]);
  });

  test("with a stale pid file is not fooled by another process that has the pid now", async () => {
    const dataFolder = testFolder();
    await (await start(dataFolder)).stop();
    const bystander = await startProcess({ command: ["sleep", "60"], ...(isRoot ? { uid: 101, gid: 101 } : {}) });
    writeFileSync(
      join(dataFolder, "cluster/postmaster.pid"),
      `${bystander.pid}\n/somewhere\n1\n5432\n.\n\n  1 1\nready\n`,
    );
    await start(dataFolder);
    expect(processStart(bystander.pid)).toBeDefined();
  });

  test("where creating the database was cut short is begun anew", async () => {
    const dataFolder = testFolder();
    mkdirSync(join(dataFolder, "cluster.new/base"), { recursive: true });
    await start(dataFolder);
    expect(existsSync(join(dataFolder, "cluster.new"))).toBe(false);
  });

  test("of another PostgreSQL version is left alone", async () => {
    const dataFolder = testFolder();
    await (await start(dataFolder)).stop();
    writeFileSync(join(dataFolder, "cluster/PG_VERSION"), "17\n");
    await expect(start(dataFolder)).rejects.toThrow(
      /made by PostgreSQL 17, this Towermill brings PostgreSQL 18\.\d+: dump/,
    );
    expect(readdirSync(dataFolder).toSorted()).toEqual(["cluster", "password"]);
  });

  test("without its password file is left alone", async () => {
    const dataFolder = testFolder();
    await (await start(dataFolder)).stop();
    rmSync(join(dataFolder, "password"));
    await expect(start(dataFolder)).rejects.toThrow(/password, is missing: restore it/);
  });

  test("that cannot be made is explained", async () => {
    const folder = testFolder();
    writeFileSync(join(folder, "file"), "");
    await expect(start(join(folder, "file"))).rejects.toThrow(/cannot keep the database in .*: a file is in the way/);
    await expect(start("/proc/nowhere/data")).rejects.toThrow(/ENOENT|cannot keep/);
    await expect(start(join(folder, "file", "data"))).rejects.toThrow(/a part of that path is a file/);
  });

  test.runIf(isRoot)("that this user may not write to is explained", async () => {
    const folder = testFolder();
    chmodSync(folder, 0o755);
    const owner = await startOwner(join(folder, "data"), nobody);
    await owner.until(/cannot keep the database in .*: this user may not write there; free or permit/);
  });
});

describe.runIf(isRoot)("root", () => {
  test("lends the server an account that needs no way into the folders above", async () => {
    const dataFolder = testFolder();
    expect(statSync(dataFolder)).toMatchObject({ uid: 0 });
    const server = await start(dataFolder);
    expect(statSync(`/proc/${server.pid}`).uid).not.toBe(0);
    expect(statSync(dirname(join(dataFolder, "cluster"))).mode & 0o777).toBe(0o700);
  });

  test("is not needed", async () => {
    const dataFolder = testFolder();
    chownSync(dataFolder, nobody.uid, nobody.gid);
    const owner = await startOwner(dataFolder, nobody);
    const pid = await serverPid(owner);
    expect(statSync(`/proc/${pid}`).uid).toBe(nobody.uid);
    owner.signal("SIGTERM");
    await owner.until(/stopped/);
  });
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
