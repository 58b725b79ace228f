import { expect, test } from "vitest";
import { jsonItems } from "./json-items.ts";

test("the items of an array keep the text they were written with", () => {
  expect(jsonItems('[1.0, 12345678901234567890 ,"a,]\\"", {"b":[1,2]}, [], null]')).toEqual([
    "1.0",
    "12345678901234567890",
    '"a,]\\""',
    '{"b":[1,2]}',
    "[]",
    "null",
  ]);
  expect(jsonItems("[]")).toEqual([]);
  expect(jsonItems(" [ ] ")).toEqual([]);
});

test("anything else has no items", () => {
  for (const text of ["{}", "1", '"[]"', "null", '{"a":[1]}']) expect(jsonItems(text)).toBeNull();
});
