import { testDatabase } from "@towermill/testkit";
import { expect, test } from "vitest";
import { errorCode } from "./failure.ts";
import { named, sql, type Sql } from "./sql.ts";

// one connection: the second run of a name is the one that knows it
const { db } = await testDatabase({ max: 1 });

/** The answers of the first run of a statement and of those that follow. */
async function twice(make: () => Sql): Promise<[unknown, unknown]> {
  return [await db.query(make()), await db.query(make())];
}

const values: [string, unknown, string][] = [
  ["text with everything in it", `a"b\\c'd\n{},\u{1f600} é`, "text"],
  ["an empty text", "", "text"],
  ["undefined", undefined, "text"],
  ["null", null, "int4"],
  ["a number", -1.5, "float8"],
  ["a large integer", 9007199254740993n, "int8"],
  ["a boolean", true, "bool"],
  ["a moment", new Date("2030-01-02T03:04:05.678Z"), "timestamptz"],
  ["bytes", Buffer.from([0, 255, 92, 34]), "bytea"],
  ["a view of bytes", new Uint8Array([1, 2, 3]).subarray(1), "bytea"],
  ["an object", { b: [1, { c: null }], a: "ü" }, "json"],
  ["an empty list", [], "text[]"],
  ["a list of texts", ['a"b', "c\\d", "NULL", "", null, "e,f{}", undefined], "text[]"],
  [
    "a list of lists",
    [
      [1, 2],
      [3, 4],
    ],
    "int4[]",
  ],
  ["a list of bytes", [Buffer.from([0, 1]), Buffer.from([])], "bytea[]"],
  ["a list of objects", [{ a: 1 }, { b: '"' }], "json[]"],
  ["a list of moments", [new Date(0)], "timestamptz[]"],
];

test.each(values)("%s comes back the same from the first run and the next", async (title, value, type) => {
  const name = `value_${title.replaceAll(/\W/g, "_")}`;
  const [first, next] = await twice(() =>
    named(
      name,
      sql`select ${value}::${sql.ident(type.replace("[]", ""))}${type.endsWith("[]") ? sql`[]` : sql.empty} as value, 1 as n`,
    ),
  );
  expect(next).toEqual(first);
  expect(next).toHaveLength(1);
});

test("many rows, no rows and no columns are told apart", async () => {
  const [first, next] = await twice(() =>
    named("many", sql`select n, null::text as nothing from generate_series(1, 3) n`),
  );
  expect(next).toEqual(first);
  expect(next).toEqual([1, 2, 3].map((n) => ({ n, nothing: null })));
  expect(await twice(() => named("none", sql`select 1 as a where false`))).toEqual([[], []]);
  await db.execute(sql`create temp table counted (n int)`);
  const insert = (): Sql => named("inserted", sql`insert into counted select generate_series(1, 4)`);
  expect([await db.execute(insert()), await db.execute(insert())]).toEqual([4, 4]);
});

test("an error is the statement's, and the connection goes on", async () => {
  const divide = (by: number): Sql => named("divide", sql`select 6 / ${by}::int as n`);
  await db.query(divide(1));
  const error: unknown = await db.query(divide(0)).catch((caught: unknown) => caught);
  expect(errorCode(error)).toBe("22012");
  expect(error).toMatchObject({ statement: "divide" });
  expect(await db.query(divide(2))).toEqual([{ n: 3 }]);
});

test("a value that cannot be written is refused before anything is sent", async () => {
  const echo = (value: unknown): Sql => named("echo", sql`select ${value}::text as value`);
  const circle: { self?: object } = {};
  circle.self = circle;
  await db.query(echo("known"));
  await expect(db.query(echo(new Date(Number.NaN)))).rejects.toThrow(/Invalid time value/);
  await expect(db.query(echo(circle))).rejects.toThrow(/circular/);
  expect(await db.query(echo("still there"))).toEqual([{ value: "still there" }]);
});

test("a text of megabytes arrives whole", async () => {
  const measure = (text: string): Sql => named("measure", sql`select length(${text}::text) as length`);
  const text = "é".repeat(3_000_000);
  expect(await twice(() => measure(text))).toEqual([[{ length: 3_000_000 }], [{ length: 3_000_000 }]]);
});

test("what runs too long ends with the time limit's error, and the next statement is answered", async () => {
  const wait = (seconds: number): Sql => named("wait", sql`select pg_sleep(${seconds}::float8)::text as slept`);
  await db.query(wait(0));
  const slow = db.transaction(async (tx) => {
    await tx.execute(sql`set local statement_timeout = 20`);
    await tx.query(wait(5));
  });
  expect(errorCode(await slow.catch((error: unknown) => error))).toBe("57014");
  expect(await db.query(wait(0))).toEqual([{ slept: "" }]);
});
