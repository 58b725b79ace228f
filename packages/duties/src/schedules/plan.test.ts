import { describe, expect, test } from "vitest";
import { mostCaughtUp, planTick, type Situation } from "./plan.ts";

const at = (time: string): Date => new Date(`2026-05-01T${time}Z`);
const minutely = { schedule: "0 * * * * *", timezone: "UTC", cronVersion: "v2" };
const situation = (fields: Partial<Situation>): Situation => ({
  timetable: minutely,
  due: at("10:00:00"),
  now: at("10:00:00.200"),
  catchUp: "last",
  waited: false,
  ...fields,
});
const shown = (fields: Partial<Situation>) => {
  const { missed, fire, next } = planTick(situation(fields));
  const time = (date: Date | null | undefined): string | null => date?.toISOString().slice(11, 19) ?? null;
  return { missed: missed && [time(missed.from), missed.count], fire: time(fire), next: time(next) };
};

describe("a moment that is due", () => {
  test("runs, whatever the policy, when it is on time or a little late", () => {
    for (const catchUp of ["none", "last", "all"] as const) {
      for (const now of [at("10:00:00"), at("10:00:14")]) {
        expect(shown({ catchUp, now })).toEqual({ missed: null, fire: "10:00:00", next: "10:01:00" });
      }
    }
  });

  test("that is the last one has none after it", () => {
    const timetable = { schedule: "0 0 10 1 5 * 2026", timezone: "UTC", cronVersion: null };
    expect(shown({ timetable })).toEqual({ missed: null, fire: "10:00:00", next: null });
  });
});

describe("moments that were missed for five and a half minutes", () => {
  const now = at("10:05:30");
  test.each([
    ["none", { missed: ["10:00:00", 6], fire: null, next: "10:06:00" }],
    ["last", { missed: ["10:00:00", 5], fire: "10:05:00", next: "10:06:00" }],
    ["all", { missed: null, fire: "10:00:00", next: "10:01:00" }],
  ] as const)("with %s", (catchUp, expected) => {
    expect(shown({ catchUp, now })).toEqual(expected);
  });

  test("stand in line when they waited for an earlier run", () => {
    expect(shown({ catchUp: "none", waited: true, now })).toEqual({ missed: null, fire: "10:00:00", next: "10:01:00" });
  });

  test("are one when only one was", () => {
    expect(shown({ catchUp: "last", now: at("10:00:59") })).toEqual({
      missed: null,
      fire: "10:00:00",
      next: "10:01:00",
    });
    expect(shown({ catchUp: "none", now: at("10:00:59") })).toEqual({
      missed: ["10:00:00", 1],
      fire: null,
      next: "10:01:00",
    });
  });
});

test("catching up all is bounded: the latest ones run, the others are counted", () => {
  const plan = planTick(situation({ catchUp: "all", now: at("13:20:30") }));
  expect(plan.missed?.count).toBe(201 - mostCaughtUp);
  expect(plan.fire).toEqual(new Date(at("13:20:00").getTime() - (mostCaughtUp - 1) * 60_000));
});

test("a year of seconds is planned in no time", () => {
  const began = performance.now();
  const plan = planTick(
    situation({
      timetable: { ...minutely, schedule: "* * * * * *" },
      catchUp: "all",
      due: new Date("2025-05-01T00:00:00Z"),
    }),
  );
  expect(plan.fire).toEqual(new Date(at("10:00:00").getTime() - (mostCaughtUp - 1) * 1000));
  expect(plan.missed?.count).toBe(1000);
  expect(performance.now() - began).toBeLessThan(2000);
});
