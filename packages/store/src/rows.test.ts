import { testDatabase } from "@towermill/testkit";
import { expect, test } from "vitest";
import { arrayText, sourceOf, type Column } from "./rows.ts";
import { sql } from "./sql.ts";

interface Row {
  n: number | null;
  text: string;
  labels: string[] | null;
  bytes: Buffer;
  json: string;
  options: string;
  at: string | null;
}

const columns: readonly Column<Row>[] = [
  { name: "n", type: "int4", of: ({ n }) => n, optional: "n" },
  { name: "text", type: "text", of: ({ text }) => text },
  { name: "labels", type: "text", of: ({ labels }) => arrayText(labels), optional: "l" },
  { name: "bytes", type: "bytea", of: ({ bytes }) => bytes },
  { name: "json", type: "json", of: ({ json }) => json },
  { name: "options", type: "jsonb", of: ({ options }) => options },
  { name: "at", type: "timestamptz", of: ({ at }) => at, optional: "n" },
];

const plain: Row = {
  n: null,
  text: "$1",
  labels: null,
  bytes: Buffer.alloc(0),
  json: "null",
  options: "{}",
  at: null,
};
const full: Row = {
  n: 1,
  text: `a "b" \\ {c}, 'd' \u{1f600}`,
  labels: ["x", `"y"`, "z\\", "{,}", "", "NULL"],
  bytes: Buffer.from([0, 255]),
  json: '{"n": 12345678901234567890, "b":1,  "a":"\\u0000 \\ud800"}',
  options: '{"b":1,"a":[true]}',
  at: "2030-01-02T03:04:05.678Z",
};

const { db } = await testDatabase();

test.each([
  ["few", true, [plain], "1"],
  ["few", true, [full], "1ln"],
  ["few", true, [{ ...plain, n: 0 }], "1n"],
  ["few", true, [full, plain], "2ln"],
  ["many", false, [plain], ""],
  ["many", false, [full, plain], ""],
] as const)("rows arrive as they were given, %s of them, with all that needs quoting", async (_, few, rows, shape) => {
  const source = sourceOf("t", columns, rows, few);
  expect(source.shape).toBe(shape);
  expect(source.text().values).toEqual(source.values);
  const found = await db.query(sql`with r as ${source.keep} (select * from ${source.text()})
    select n, text, labels::text[] as labels, bytes, json, options, at from r`);
  expect(found).toEqual(
    rows.map((row) => ({ ...row, options: JSON.parse(row.options) as object, at: row.at && new Date(row.at) })),
  );
});

test("columns that have no value are no parameters", () => {
  expect(sourceOf("t", columns, [plain], true).values).toEqual(["$1", Buffer.alloc(0), "null", "{}"]);
});

test.each([true, false])("half a surrogate pair becomes the sign for what cannot be read (few: %s)", async (few) => {
  const source = sourceOf("t", columns, [{ ...plain, text: "a\ud800b" }], few);
  expect(await db.one(sql`select text from ${source.text()}`)).toEqual({ text: "a\ufffdb" });
});
