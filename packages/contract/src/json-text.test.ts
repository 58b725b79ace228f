import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonDepth, jsonMembers, jsonObject, jsonStrings, replaceJsonStrings } from "./json-text.ts";

describe("members of an object", () => {
  test("keep their text to the letter", () => {
    const text = ' { "a" : 1.0 , "b":9007199254740993,"c" :{"z":1, "y":[ 2 ]},"d":"quote \\" } ,", "e":-0 } ';
    expect([...jsonMembers(text)]).toEqual([
      ["a", "1.0"],
      ["b", "9007199254740993"],
      ["c", '{"z":1, "y":[ 2 ]}'],
      ["d", '"quote \\" } ,"'],
      ["e", "-0"],
    ]);
  });

  test("are none for an empty object, and the last of equal keys wins", () => {
    expect(jsonMembers("{}").size).toBe(0);
    expect(jsonMembers('{"a":1,"a":2}').get("a")).toBe("2");
  });

  test("are refused for what is no object or no JSON", () => {
    for (const text of ["[]", "1", "null", '"{}"']) expect(() => jsonMembers(text)).toThrow(TypeError);
    for (const text of ["", "{", "{'a':1}", "{a:1}"]) expect(() => jsonMembers(text)).toThrow(SyntaxError);
  });

  test("of any object join to the same object again", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
        const text = JSON.stringify(value, null, 1);
        expect(JSON.parse(jsonObject(jsonMembers(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("named __proto__ are data like any other", () => {
    expect(jsonMembers('{"__proto__":{"x":1}}').get("__proto__")).toBe('{"x":1}');
  });
});

describe("strings inside", () => {
  test("are replaced as values, never as keys, and nothing else changes", () => {
    const text = '{"$var:a": "$var:a", "n":1e400, "list":["$var:a","\\u0024var:a"]}';
    const replaced = replaceJsonStrings(text, (value) => (value === "$var:a" ? '{"secret":1}' : null));
    expect(replaced).toBe('{"$var:a": {"secret":1}, "n":1e400, "list":[{"secret":1},{"secret":1}]}');
  });

  test("are found with their escapes decoded", () => {
    expect(jsonStrings('{"a":"x\\n","b":["y\\\\"],"c":"z"}', (value) => value !== "z")).toEqual(["x\n", "y\\"]);
  });

  test("of any value survive a replacement that keeps them", () => {
    fc.assert(fc.property(fc.json(), (text) => replaceJsonStrings(text, () => null) === text));
  });
});

test("depth counts nesting outside of strings", () => {
  expect(jsonDepth("1")).toBe(0);
  expect(jsonDepth('{"a":[{"b":"[[[["}]}')).toBe(3);
  expect(jsonDepth("[".repeat(100_000) + "]".repeat(100_000))).toBe(100_000);
});
