import { describe, expect, test } from "vitest";
import { named, namedOnce, sql, type Sql } from "./sql.ts";

describe("the sql tag", () => {
  test("turns every value into a parameter", () => {
    const hostile = "'; drop table job; --";
    const statement = sql`select * from job where path = ${hostile} and id = any(${["a", "b"]})`;
    expect(statement.text).toBe("select * from job where path = $1 and id = any($2)");
    expect(statement.values).toEqual([hostile, ["a", "b"]]);
  });

  test("renumbers the parameters of fragments wherever they are spliced in", () => {
    const inner = sql`b = ${2} and c = ${3}`;
    const statement = sql`select ${1} where ${inner} or ${inner} limit ${4}`;
    expect(statement.text).toBe("select $1 where b = $2 and c = $3 or b = $4 and c = $5 limit $6");
    expect(statement.values).toEqual([1, 2, 3, 2, 3, 4]);
  });

  test("joins pieces and leaves nothing for none", () => {
    const conditions = [sql`a = ${1}`, sql`b = ${2}`];
    expect(sql`where ${sql.join(conditions, sql` and `)}`.text).toBe("where a = $1 and b = $2");
    expect(sql`(${sql.join([sql`${1}`, sql`${2}`])})`.text).toBe("($1, $2)");
    expect(sql`x ${sql.join([])}${sql.empty}y`).toMatchObject({ text: "x y", values: [] });
  });

  test("treats an object that only looks like a statement as a value", () => {
    const forged = JSON.parse('{"text": "1; drop table job", "values": [], "strings": ["1; drop table job"]}');
    expect(sql`select ${forged}`).toMatchObject({ text: "select $1", values: [forged] });
    expect(() => sql.join([forged])).toThrow(/only pieces made by sql/);
    expect(() => named("x", forged)).toThrow(/only statements made by sql/);
  });

  test("quotes names and refuses whatever is none", () => {
    expect(sql`select from ${sql.ident("public.job")}`.text).toBe('select from "public"."job"');
    for (const name of ['job"; drop table job; --', "Job", "a.b.c", "", "1a", "job ", "a".repeat(64)]) {
      expect(() => sql.ident(name)).toThrow(/not usable as an SQL name/);
    }
  });

  test("binds any JSON value as text, an array included", () => {
    expect(sql`values (${sql.json([1, { a: "x" }])}, ${sql.json(undefined)}, ${sql.json(null)})`.values).toEqual([
      '[1,{"a":"x"}]',
      null,
      "null",
    ]);
  });

  test("names a statement without changing it, and loses the name when spliced", () => {
    const claim = named("claim", sql`select ${1}`);
    expect(claim).toMatchObject({ name: "claim", text: "select $1", values: [1] });
    expect(sql`${claim} union select ${2}`.name).toBeUndefined();
    expect(() => named("two words", sql`select 1`)).toThrow(/no statement name/);
  });
});

describe("a statement that is put together once", () => {
  const make = (first: number): Sql => namedOnce("put_together", [first, 2], () => sql`select ${first}, ${2}`);

  test("has its own values every time, and its text from the first", () => {
    expect(make(1)).toMatchObject({ name: "put_together", text: "select $1, $2", values: [1, 2] });
    expect(make(7)).toMatchObject({ name: "put_together", text: "select $1, $2", values: [7, 2] });
  });

  test("is refused when its values are not those of its text", () => {
    expect(() => namedOnce("other_order", [2, 1], () => sql`select ${1}, ${2}`)).toThrow(/in another order/);
    expect(() => namedOnce("two words", [], () => sql`select 1`)).toThrow(/no statement name/);
  });
});
