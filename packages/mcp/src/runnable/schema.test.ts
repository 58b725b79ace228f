import { describe, expect, test } from "vitest";
import { argumentNames, cleanSchema, mentionsResources } from "./schema.ts";
import { readHints } from "./runnable.ts";

const none = (): string[] => [];

describe("stored schemas as tools show them", () => {
  test("what forms add and what is invalid goes", () => {
    const stored = {
      type: "object",
      order: ["a"],
      properties: {
        a: { type: "string", originalType: "enum", enum: null, default: null, description: "", pattern: "(" },
        b: { properties: { c: { type: "nonsense" } }, required: ["c", "d"] },
        e: { items: { type: "integer", minimum: "1" } },
        f: { oneOf: [{ type: "string" }, { type: "number" }] },
      },
      required: ["a", "missing"],
    };
    expect(cleanSchema(stored, none)).toEqual({
      type: "object",
      properties: {
        a: { type: "string" },
        b: { type: "object", properties: { c: {} }, required: ["c"] },
        e: { type: "array", items: { type: "integer" } },
        f: { anyOf: [{ type: "string" }, { type: "number" }] },
      },
      required: ["a"],
    });
  });

  test("a resource becomes a choice, at any depth; too many become an example; none is said", () => {
    const schema = {
      type: "object",
      properties: { inner: { type: "object", properties: { db: { type: "object", format: "resource-pg" } } } },
    };
    expect(mentionsResources(schema)).toBe(true);
    expect(JSON.stringify(cleanSchema(schema, () => ["u/a/x"]))).toContain('"enum":["$res:u/a/x"]');
    expect(JSON.stringify(cleanSchema(schema, () => Array.from({ length: 30 }, (_, n) => `u/a/${n}`)))).toContain(
      "e.g. $res:u/a/0",
    );
    expect(JSON.stringify(cleanSchema(schema, none))).toContain("none exists yet");
  });

  test.each([null, 7, "x", [], { properties: 3 }, { type: ["string", "x"] }])("%j does no harm", (schema) => {
    expect(typeof cleanSchema(schema, none)).toBe("object");
    expect(readHints(schema)).toEqual({});
  });

  test("a schema that never ends is cut off", () => {
    const deep: Record<string, unknown> = { type: "object" };
    let at = deep;
    for (let depth = 0; depth < 10_000; depth += 1) {
      const next = { type: "object" };
      at["properties"] = { x: next };
      at = next;
    }
    expect(JSON.stringify(cleanSchema(deep, none)).length).toBeLessThan(1000);
  });
});

test("argument names clients accept lead back, without two becoming one", () => {
  const names = argumentNames(["two words", "two_words", "é", "è", "plain"]);
  expect(names.get("two_words")).toBe("two_words");
  expect(new Set(names.values()).size).toBe(5);
  for (const name of names.keys()) expect(name).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
});
