import { retryDelay } from "@towermill/openflow";
import { describe, expect, test } from "vitest";
import { reactionsTo, type RunEnd } from "./reaction.ts";

const ends = (text: string): RunEnd[] => Array.from(text, (letter) => (letter === "x" ? "failure" : "success"));

describe("handlers (newest run first, x failed, o succeeded)", () => {
  const once = { on_failure: "script/u/a/f", on_recovery: "script/u/a/r", on_success: "script/u/a/s" };
  test.each([
    ["x", once, ["failure"]],
    ["xxx", once, ["failure"]],
    ["xx", { ...once, on_failure_exact: true }, []],
    ["xo", { ...once, on_failure_exact: true }, ["failure"]],
    ["xx", { ...once, on_failure_times: 3 }, []],
    ["xxxo", { ...once, on_failure_times: 3 }, ["failure"]],
    ["xxxx", { ...once, on_failure_times: 3 }, ["failure"]],
    ["xxx", { ...once, on_failure_times: 3, on_failure_exact: true }, ["failure"]],
    ["xxxx", { ...once, on_failure_times: 3, on_failure_exact: true }, []],
    ["xoxx", { ...once, on_failure_times: 2 }, []],
    ["o", once, ["success"]],
    ["ox", once, ["recovery", "success"]],
    ["oox", once, ["success"]],
    ["oox", { ...once, on_recovery_times: 2 }, ["recovery", "success"]],
    ["ox", { ...once, on_recovery_times: 2 }, ["success"]],
    ["oxo", { ...once, on_failure_times: 2 }, ["success"]],
    ["oxx", { ...once, on_failure_times: 2 }, ["recovery", "success"]],
    ["ox", { on_failure: "script/u/a/f" }, []],
    ["x", { on_recovery: "script/u/a/r" }, []],
    ["", once, []],
  ])("%s", (text, options, expected) => {
    expect(reactionsTo(ends(text), options)).toEqual(expected);
  });
});

test("attempts are constant first, then exponential, then over", () => {
  const retry = {
    constant: { attempts: 2, seconds: 5 },
    exponential: { attempts: 2, multiplier: 2, seconds: 3, random_factor: 0 },
  };
  expect([0, 1, 2, 3, 4].map((failures) => retryDelay(retry, failures, 0.5))).toEqual([5, 5, 54, 162, null]);
  expect(retryDelay({}, 0, 0.5)).toBeNull();
  expect(retryDelay({ exponential: { attempts: 99, seconds: 1e9 } }, 0, 0.5)).toBe(21_600);
  expect(retryDelay({ exponential: { attempts: 1, seconds: 10, random_factor: 50 } }, 0, 0)).toBe(5);
});
