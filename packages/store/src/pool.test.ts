import { testDatabase } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { errorCode, isConnectionLoss, isUniqueViolation } from "./failure.ts";
import { openPool } from "./pool.ts";
import { named, sql } from "./sql.ts";

const { db, url } = await testDatabase({ max: 4 });
await db.execute(sql`create table item (id int primary key, name text)`);

async function withPool<T>(options: Partial<Parameters<typeof openPool>[0]>, work: (pool: typeof db) => Promise<T>) {
  const pool = openPool({ url, ...options });
  try {
    return await work(pool);
  } finally {
    await pool.close();
  }
}

describe("columns", () => {
  test("come back as the product needs them", async () => {
    const text = '{"b": 1,  "a": [1.0, "\\u0000"]}';
    const row = await db.one(
      sql`select ${text}::json as json, array[${text}::json] as jsons, '{"a":1}'::jsonb as jsonb, 7::int8 as small,
                 9007199254740993::int8 as large, array[1, null]::int8[] as list,
                 '2030-01-02T03:04:05.678Z'::timestamptz as at, '2030-01-02'::date as day, 1.50::numeric as exact`,
    );
    expect(row).toEqual({
      json: text,
      jsons: [text],
      jsonb: { a: 1 },
      small: 7,
      large: "9007199254740993",
      list: [1, null],
      at: new Date("2030-01-02T03:04:05.678Z"),
      day: "2030-01-02",
      exact: "1.50",
    });
  });

  test("of type json are parsed when asked for", async () => {
    const row = await withPool({ json: "value" }, (pool) => pool.one(sql`select '{"a":1}'::json as json`));
    expect(row).toEqual({ json: { a: 1 } });
  });

  test("take arrays, dates, buffers, nothing and hostile text as parameters", async () => {
    const at = new Date("2030-06-01T00:00:00Z");
    const row = await db.one(
      sql`select ${["a,b", 'q"\\', null]}::text[] as list, ${at}::timestamptz as at, ${Buffer.from([0, 255])}::bytea as raw,
                 ${undefined}::text as nothing, ${"'; drop table item; --"}::text as text`,
    );
    expect(row).toEqual({
      list: ["a,b", 'q"\\', null],
      at,
      raw: Buffer.from([0, 255]),
      nothing: null,
      text: "'; drop table item; --",
    });
  });
});

describe("one and maybe", () => {
  test("refuse a wrong number of rows and say which statement it was", async () => {
    await expect(db.one(sql`select 1 where false`)).rejects.toThrow("expected one row, found 0: select 1 where false");
    await expect(db.maybe(named("two_rows", sql`values (1), (2)`))).rejects.toThrow(
      "at most one row, found 2: two_rows",
    );
    expect(await db.maybe(sql`select 1 where false`)).toBeUndefined();
  });
});

describe("a transaction", () => {
  test("is rolled back when its work throws, and its connection is used again", async () => {
    const work = db.transaction(async (tx) => {
      await tx.execute(sql`insert into item values (1, 'lost')`);
      throw new Error("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await db.query(sql`select * from item`)).toEqual([]);
    expect(db.usage().open).toBe(db.usage().idle);
  });

  test("does not pretend to be committed when a statement's error was swallowed", async () => {
    const work = db.transaction(async (tx) => {
      await tx.execute(sql`insert into item values (2, 'lost')`);
      await tx.execute(sql`select 1/0`).catch(() => undefined);
    });
    await expect(work).rejects.toThrow(/was rolled back/);
  });

  test("cannot be used after its end", async () => {
    const leaked = await db.transaction(async (tx) => tx);
    await expect(leaked.query(sql`select 1`)).rejects.toThrow(/has ended: select 1/);
  });

  test("runs again after a deadlock", async () => {
    await db.execute(sql`insert into item values (10, ''), (11, '')`);
    let tries = 0;
    let arrived = 0;
    let open: () => void = () => undefined;
    const bothArrived = new Promise<void>((resolve) => (open = resolve));
    const update = (first: number, second: number): Promise<void> =>
      db.transaction(async (tx) => {
        tries++;
        await tx.execute(sql`update item set name = name || ${String(first)} where id = ${first}`);
        if (++arrived === 2) open();
        await bothArrived;
        await tx.execute(sql`update item set name = name || ${String(first)} where id = ${second}`);
      });
    await Promise.all([update(10, 11), update(11, 10)]);
    expect(tries).toBe(3);
    const rows = await db.query<{ name: string }>(sql`select name from item where id in (10, 11)`);
    expect(rows.map(({ name }) => name.length)).toEqual([4, 4]);
  });

  test("runs again after its connection was lost only when it may happen twice", async () => {
    const killOnce = (retry: "conflict" | "idempotent"): Promise<number> => {
      let tries = 0;
      return db.transaction(
        async (tx) => {
          const { pid } = await tx.one<{ pid: number }>(sql`select pg_backend_pid() as pid`);
          if (++tries === 1) await db.one(sql`select pg_terminate_backend(${pid}, 5000)`);
          await tx.query(sql`select 1`);
          return tries;
        },
        { retry },
      );
    };
    expect(await killOnce("idempotent")).toBe(2);
    await expect(killOnce("conflict")).rejects.toSatisfy(isConnectionLoss);
    expect(db.usage()).toMatchObject({ waiting: 0 });
  });
});

describe("a connection", () => {
  test("survives the errors of its statements", async () => {
    await db.execute(sql`insert into item values (20, 'once')`);
    await withPool({ max: 1 }, async (pool) => {
      const pid = sql`select pg_backend_pid() as pid`;
      const before = await pool.one(pid);
      const error = await pool.execute(sql`insert into item values (20, 'twice')`).catch((reason: unknown) => reason);
      expect(isUniqueViolation(error, "item_pkey")).toBe(true);
      expect(isUniqueViolation(error, "other")).toBe(false);
      expect(error).toMatchObject({ statement: "insert into item values (20, 'twice')" });
      expect(await pool.one(pid)).toEqual(before);
    });
  });

  test("that a lost idle one leaves is replaced without a word to the caller", async () => {
    await withPool({ max: 1, applicationName: "idle one" }, async (pool) => {
      await pool.query(sql`select 1`);
      await db.query(
        sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'idle one'`,
      );
      await expect.poll(() => pool.usage().open).toBe(0);
      expect(await pool.one(sql`select 1 as a`)).toEqual({ a: 1 });
    });
  });

  test("of named statements that is lost while nobody uses it is replaced without a word, too", async () => {
    await withPool({ max: 8, applicationName: "idle hot ones" }, async (pool) => {
      const one = named("one_of_hot", sql`select 1 as a`);
      const many = (): Promise<object[]> => Promise.all(Array.from({ length: 20 }, () => pool.one(one)));
      await many();
      expect(pool.usage()).toEqual({ open: 2, idle: 2, waiting: 0 });
      await db.query(
        sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'idle hot ones'`,
      );
      await expect.poll(() => pool.usage().open).toBe(0);
      expect(await many()).toEqual(Array.from({ length: 20 }, () => ({ a: 1 })));
      expect(pool.usage()).toEqual({ open: 2, idle: 2, waiting: 0 });
    });
  });

  test("is renewed when a named statement no longer fits its tables", async () => {
    await db.execute(sql`create table shape (a int)`);
    await withPool({ max: 1 }, async (pool) => {
      const all = named("all_shapes", sql`select * from shape`);
      await pool.query(all);
      await db.execute(sql`alter table shape add b int`);
      await expect(pool.query(all)).rejects.toThrow(/cached plan/);
      expect(await pool.query(all)).toEqual([]);
    });
  });

  test("ends slow statements and waits for locks no longer than told", async () => {
    await withPool({ statementTimeoutMs: 50, lockTimeoutMs: 20 }, async (pool) => {
      expect(errorCode(await pool.query(sql`select pg_sleep(5)`).catch((error: unknown) => error))).toBe("57014");
      await db.transaction(async (tx) => {
        await tx.execute(sql`lock table item in access exclusive mode`);
        const waiting = await pool.query(sql`select * from item`).catch((error: unknown) => error);
        expect(errorCode(waiting)).toBe("55P03");
      });
    });
  });

  test("that none is free for is reported as that", async () => {
    await withPool({ max: 1, connectTimeoutMs: 50 }, async (pool) => {
      await pool.transaction(async () => {
        await expect(pool.query(sql`select 1`)).rejects.toThrow(/all 1 connections of this process are in use/);
      });
    });
  });

  test("to a server that is not there fails as a connection loss", async () => {
    await withPool({ url: "postgresql://nobody@/x?host=/nonexistent" }, async (pool) => {
      await expect(pool.query(sql`select 1`)).rejects.toSatisfy(isConnectionLoss);
    });
  });
});

test("behind a pooler nothing of a session is used: no named statements, settings by transaction", async () => {
  await withPool({ pooler: true, max: 1, statementTimeoutMs: 1234 }, async (pool) => {
    expect(await pool.query(named("kept", sql`select 1 as a`))).toEqual([{ a: 1 }]);
    expect(await pool.query(sql`select name from pg_prepared_statements`)).toEqual([]);
    expect(await pool.one(sql`show statement_timeout`)).toEqual({ statement_timeout: "0" });
    const inside = await pool.transaction((tx) => tx.one(sql`show statement_timeout`), { isolation: "serializable" });
    expect(inside).toEqual({ statement_timeout: "1234ms" });
  });
});
