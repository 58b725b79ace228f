import { expect, test } from "vitest";
import { contains } from "./filter.ts";
import { jsonPart } from "./json-part.ts";

test("containment is PostgreSQL's: members of objects, some elements of arrays, equal scalars", () => {
  expect(contains({ a: 1, b: { c: [1, 2, { d: 3 }] } }, { b: { c: [{ d: 3 }] } })).toBe(true);
  expect(contains([1, 2, 2], [2, 2])).toBe(true);
  expect(contains(["x", "y"], "x")).toBe(true);
  expect(contains({ a: 1 }, {})).toBe(true);
  expect(contains({ a: 1 }, { a: "1" })).toBe(false);
  expect(contains({ a: [1] }, { a: [1, 2] })).toBe(false);
  expect(contains(null, {})).toBe(false);
  expect(contains({}, { __proto__: null, toString: null })).toBe(false);
});

test("parts of a result are taken to the letter", () => {
  const text = '{"a": {"b": [1.0, 12345678901234567890, {"c":null}]}}';
  expect(jsonPart(text, "")).toBe(text);
  expect(jsonPart('{"n":12345678901234567890}', "n")).toBe("12345678901234567890");
  expect(jsonPart(text, "a.b.2.c")).toBe("null");
  expect(jsonPart(text, "a,b,9")).toBe("null");
  expect(jsonPart(text, "a.x.y")).toBe("null");
  expect(jsonPart('"text"', "length")).toBe("null");
});
