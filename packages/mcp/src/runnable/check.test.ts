import { describe, expect, test } from "vitest";
import { checkArguments } from "./check.ts";
import type { Runnable } from "./runnable.ts";

const runnable: Runnable = {
  kind: "script",
  path: "u/alice/run",
  summary: "",
  description: "",
  acl: {},
  toolName: "s-u_alice_run",
  hints: {},
  schema: {
    type: "object",
    properties: {
      count: { type: "number" },
      label: { type: "string" },
      dry: { type: "boolean" },
      rows: { type: "array", items: { type: "object" } },
      options: { type: "object" },
      mode: { type: "string", enum: ["fast", "slow"] },
      db: { type: "object", format: "resource-postgresql" },
      anything: {},
      "two words": { type: "integer" },
    },
    required: ["count"],
  },
};

const check = (args: object): Record<string, unknown> => checkArguments(runnable, { ...args });

describe("the arguments of a run", () => {
  test.each([
    { count: 1 },
    { count: 1.5, label: "", dry: false, rows: [], options: {}, mode: "fast", anything: [1, { a: null }] },
    { count: "$var:u/alice/count", rows: "$res:u/alice/rows", db: "$res:u/alice/db" },
    { count: null },
    { count: 1, db: { host: "localhost" } },
    { count: 1, label: "12", two_words: 3 },
  ])("%j pass as they are", (args) => expect(check(args)).toEqual(args));

  test("that were written as text are taken for what their type says", () => {
    expect(check({ count: "3", dry: "true", rows: "[{}]", options: '{"a":1}', label: "7" })).toEqual({
      count: 3,
      dry: true,
      rows: [{}],
      options: { a: 1 },
      label: "7",
    });
  });

  test.each([
    [{ count: "three" }, 'count: "three" does not fit', 'Expected count: {"type":"number"}'],
    [{ count: 1, mode: "medium" }, 'mode: "medium" does not fit', "fast"],
    [{ count: 1, rows: {} }, "rows: {} does not fit", "array"],
    [{ count: 1, two_words: 1.5 }, "two_words: 1.5 does not fit", "integer"],
    [{ count: 1, label: 5 }, "label: 5 does not fit", "string"],
    [{ cuont: 1 }, "cuont: u/alice/run takes no such argument", "Did you mean count?"],
    [{}, "count: is required by u/alice/run", '{"type":"number"}'],
    [{ count: 1, _ENTRYPOINT_OVERRIDE: "x" }, "_ENTRYPOINT_OVERRIDE", ""],
  ])("%j are refused by name, with what is expected", (args, message, hint) => {
    expect(() => check(args)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), hint: expect.stringContaining(hint) }),
    );
  });

  test("of a script without a schema pass whatever they are", () => {
    expect(checkArguments({ ...runnable, schema: null }, { a: 1 })).toEqual({ a: 1 });
  });
});
