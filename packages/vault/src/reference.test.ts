import { expect, test } from "vitest";
import { referencesOf, replaceReferences } from "./reference.ts";

const paths = (json: string): string[] => referencesOf(json).map((r) => ("path" in r ? r.path : r.kind));

test("finds references at any depth of objects, never in keys or inside longer strings", () => {
  const json = '{"$var:key":1,"a":{"b":{"c":{"d":"$var:u/a/x"}}},"t":"see $var:u/a/y","r":"$res:f/a/b"}';
  expect(paths(json)).toEqual(["u/a/x", "f/a/b"]);
});

test("looks into arrays of up to 1000 items and two levels, and into objects in them", () => {
  expect(paths('[["$var:a/b"]]')).toEqual(["a/b"]);
  expect(paths('[[["$var:a/b"]]]')).toEqual([]);
  expect(paths('[{"x":[{"y":"$var:a/b"}]}]')).toEqual(["a/b"]);
  const items = (count: number): string =>
    `[${Array.from({ length: count }, () => '{"p":1,"q":"$var:a/b"}').join(",")}]`;
  expect(paths(items(1000))).toHaveLength(1000);
  expect(paths(items(1001))).toEqual([]);
  expect(paths(`{"before":"$var:a/1","long":${items(1001)},"after":"$var:a/2"}`)).toEqual(["a/1", "a/2"]);
});

test("sees through escapes and quotes", () => {
  expect(paths('{"a\\":[":"\\u0024var:u/a/x","b":["\\\\","$var:u/a/y"]}')).toEqual(["u/a/x", "u/a/y"]);
});

test("leaves everything else as it was written", () => {
  const json = '{ "z":1e2, "big":123456789012345678901234567890, "a":"$var:u/a/x", "z":-0.0 }';
  expect(replaceReferences(json, () => '"v"')).toBe(json.replace('"$var:u/a/x"', '"v"'));
});
