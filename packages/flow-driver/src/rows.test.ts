import { sql } from "@towermill/store";
import { testDatabase } from "@towermill/testkit";
import { expect, test } from "vitest";
import { arrayText, sourceOf, type Column } from "./rows.ts";

interface Row {
  n: number | null;
  text: string;
  labels: string[] | null;
  bytes: Buffer;
  json: string;
}

const columns: readonly Column<Row>[] = [
  { name: "n", type: sql`int`, of: ({ n }) => n },
  { name: "text", type: sql`text`, of: ({ text }) => text },
  { name: "labels", type: sql`text`, of: ({ labels }) => arrayText(labels) },
  { name: "bytes", type: sql`bytea`, of: ({ bytes }) => bytes },
  { name: "json", type: sql`json`, of: ({ json }) => json },
];

const { db } = await testDatabase();

test.each([
  [true, "2"],
  [false, ""],
])("rows arrive as they were given, few or many, with all that needs quoting (few: %s)", async (few, shape) => {
  const rows: Row[] = [
    {
      n: 1,
      text: `a "b" \\ {c}, 'd'`,
      labels: ["x", `"y"`, "z\\", "{,}", "", "NULL"],
      bytes: Buffer.from([0, 255]),
      json: '{"n": 12345678901234567890}',
    },
    { n: null, text: "$1", labels: null, bytes: Buffer.alloc(0), json: "null" },
  ];
  const source = sourceOf(sql`t`, columns, rows, few);
  expect(source.shape).toBe(shape);
  expect(source.text().values).toEqual(source.values);
  const found = await db.query(sql`with r as ${source.keep} (select * from ${source.text()})
    select n, text, labels::text[] as labels, bytes, json from r`);
  expect(found).toEqual(rows);
});
