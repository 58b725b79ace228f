import { withIter } from "@towermill/openflow";
import { expect, test } from "vitest";
import { addIter } from "./result.ts";

test("iter is added as openflow says, and what was there moves outwards", () => {
  let text = '{"x":1}';
  let value: Record<string, unknown> = { x: 1 };
  for (let level = 0; level < 4; level += 1) {
    text = addIter(text, `{"index":${level},"value":"v${level}"}`);
    value = withIter(value, { index: level, value: `v${level}` });
    expect(JSON.parse(text)).toEqual(value);
  }
});

test("numbers that JavaScript cannot hold stay as they were", () => {
  expect(addIter('{"n":12345678901234567890}', '{"index":0,"value":1}')).toBe(
    '{"n":12345678901234567890,"iter":{"index":0,"value":1}}',
  );
});
