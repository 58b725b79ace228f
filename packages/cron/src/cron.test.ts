import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CronError, lastOccurrence, nextOccurrence, occurrences, validateCron } from "./cron.ts";

const v2 = (schedule: string, timezone = "UTC") => ({ schedule, timezone, cronVersion: "v2" });
const v1 = (schedule: string, timezone = "UTC") => ({ schedule, timezone, cronVersion: null });
const at = (text: string): Date => new Date(text);
const next = (timetable: ReturnType<typeof v2 | typeof v1>, after: string, count = 3): string[] =>
  occurrences(timetable, at(after), count).map((moment) => moment.toISOString().replace(":00.000Z", "Z"));
const days = (timetable: ReturnType<typeof v2 | typeof v1>, after: string, count = 3): string[] =>
  next(timetable, after, count).map((text) => text.slice(0, 10));

describe("croner's dialect", () => {
  test("takes five fields, or six with seconds first", () => {
    expect(next(v2("*/20 * * * *"), "2026-01-01T00:00:00Z")).toEqual([
      "2026-01-01T00:20Z",
      "2026-01-01T00:40Z",
      "2026-01-01T01:00Z",
    ]);
    expect(next(v2("0 0 12 * * *"), "2026-01-01T12:00:00Z", 1)).toEqual(["2026-01-02T12:00Z"]);
    for (const schedule of ["* * * *", "* * * * * * *", "", "@daily", "2026-01-01T00:00:00Z"]) {
      expect(() => validateCron(v2(schedule))).toThrow(/expected 5 fields/);
    }
  });

  test("knows the last day, the nearest working day, the n-th and the last weekday", () => {
    expect(days(v2("0 0 0 L * *"), "2026-01-01T00:00:00Z")).toEqual(["2026-01-31", "2026-02-28", "2026-03-31"]);
    expect(days(v2("0 0 0 15W * *"), "2026-02-01T00:00:00Z", 1)).toEqual(["2026-02-16"]);
    expect(days(v2("0 0 0 * * 5#2"), "2026-01-01T00:00:00Z", 2)).toEqual(["2026-01-09", "2026-02-13"]);
    expect(days(v2("0 0 0 * * 5L"), "2026-01-01T00:00:00Z", 2)).toEqual(["2026-01-30", "2026-02-27"]);
    expect(days(v2("0 0 0 ? JAN-FEB MON"), "2026-01-01T00:00:00Z", 1)).toEqual(["2026-01-05"]);
  });

  test("counts Sunday as 0 and as 7, and takes a day or a weekday when both are given", () => {
    expect(days(v2("0 0 * * 0"), "2026-01-01T00:00:00Z", 2)).toEqual(days(v2("0 0 * * 7"), "2026-01-01T00:00:00Z", 2));
    expect(days(v2("0 0 13 * FRI"), "2026-01-08T00:00:00Z", 3)).toEqual(["2026-01-09", "2026-01-13", "2026-01-16"]);
  });
});

describe("the older dialect", () => {
  test("counts weekdays from Sunday = 1", () => {
    expect(days(v1("0 0 0 * * 1"), "2026-01-01T00:00:00Z", 1)).toEqual(["2026-01-04"]);
    expect(days(v1("0 0 0 * * 7"), "2026-01-01T00:00:00Z", 1)).toEqual(["2026-01-03"]);
    expect(days(v1("0 0 0 * * 2-6"), "2026-01-02T00:00:00Z", 3)).toEqual(["2026-01-05", "2026-01-06", "2026-01-07"]);
    expect(days(v1("0 0 0 * * Mon,wednesday"), "2026-01-01T00:00:00Z", 2)).toEqual(["2026-01-05", "2026-01-07"]);
    expect(days(v1("0 0 0 * * 2/3"), "2026-01-01T00:00:00Z", 3)).toEqual(
      ["2026-01-01", "2026-01-05", "2026-01-08"].slice(1).concat(["2026-01-12"]),
    );
  });

  test("needs seconds, takes a year, and wants day and weekday both to match", () => {
    expect(() => validateCron(v1("*/5 * * * *"))).toThrow(/has 5 fields, expected 6 fields/);
    expect(days(v1("0 0 0 1 1 * 2030"), "2026-01-01T00:00:00Z")).toEqual(["2030-01-01"]);
    expect(days(v1("0 0 0 13 * FRI"), "2026-01-01T00:00:00Z", 2)).toEqual(["2026-02-13", "2026-03-13"]);
  });

  test("refuses what only the newer one knows, and weekdays that it has not", () => {
    for (const weekday of ["0", "8", "1-9", "5L", "5#2", "3-1", "", "MO", "1//2", "*/0", "1-2-3"]) {
      expect(() => validateCron(v1(`0 0 0 * * ${weekday}`))).toThrow(CronError);
    }
    expect(() => validateCron(v1("0 0 0 L * *"))).toThrow(/set cron_version to v2/);
  });
});

describe("nights on which the clocks change", () => {
  const daily = (timezone: string) => v2("30 2 * * *", timezone);
  const half = (timezone: string) => v2("*/30 * * * *", timezone);

  test("forward: a skipped time comes when the clocks have changed, once", () => {
    expect(next(daily("Europe/Paris"), "2026-03-28T00:00:00Z")).toEqual([
      "2026-03-28T01:30Z",
      "2026-03-29T01:00Z",
      "2026-03-30T00:30Z",
    ]);
    expect(next(daily("America/New_York"), "2026-03-07T00:00:00Z")).toEqual([
      "2026-03-07T07:30Z",
      "2026-03-08T07:00Z",
      "2026-03-09T06:30Z",
    ]);
  });

  test("back: a repeated time comes once", () => {
    expect(next(daily("Europe/Paris"), "2026-10-24T00:00:00Z")).toEqual([
      "2026-10-24T00:30Z",
      "2026-10-25T00:30Z",
      "2026-10-26T01:30Z",
    ]);
    expect(next(v2("30 1 * * *", "America/New_York"), "2026-10-31T00:00:00Z")).toEqual([
      "2026-10-31T05:30Z",
      "2026-11-01T05:30Z",
      "2026-11-02T06:30Z",
    ]);
  });

  test("every half an hour stays every half an hour, both ways in both zones", () => {
    const nights: [string, string][] = [
      ["Europe/Paris", "2026-03-28T22:00:00Z"],
      ["Europe/Paris", "2026-10-24T22:00:00Z"],
      ["America/New_York", "2026-03-08T04:00:00Z"],
      ["America/New_York", "2026-11-01T03:00:00Z"],
    ];
    for (const [timezone, from] of nights) {
      const found = occurrences(half(timezone), at(from), 16).map((moment) => moment.getTime());
      expect(found, `${timezone} ${from}`).toEqual(
        Array.from({ length: 16 }, (_, n) => at(from).getTime() + (n + 1) * 1_800_000),
      );
    }
  });
});

describe("looking back", () => {
  test("finds the last moment, the asked one included", () => {
    expect(lastOccurrence(v2("0 * * * *"), at("2026-01-01T05:00:00Z"))?.toISOString()).toBe("2026-01-01T05:00:00.000Z");
    expect(lastOccurrence(v2("0 * * * *"), at("2026-01-01T05:59:59.999Z"))?.toISOString()).toBe(
      "2026-01-01T05:00:00.000Z",
    );
    expect(lastOccurrence(v2("* * * * * *"), at("2026-01-01T05:00:00.500Z"))?.toISOString()).toBe(
      "2026-01-01T05:00:00.000Z",
    );
  });
});

describe("what cannot be used", () => {
  test("is refused with a sentence", () => {
    expect(() => validateCron(v2("61 * * * *"))).toThrow(
      'The cron expression "61 * * * *" cannot be read: Invalid value for minute: 61',
    );
    expect(() => validateCron(v2("* * * * *", "Mars/Base"))).toThrow('The time zone "Mars/Base" is not known');
    expect(() => validateCron(v2("* * * * *", "../etc/passwd"))).toThrow(/is not known/);
    expect(() => validateCron(v2("0 0 30 2 *"))).toThrow(/never comes true/);
    expect(() => validateCron(v2("* * * * ＊"))).toThrow(/characters that mean nothing/);
    expect(() => validateCron(v2(`${"1,".repeat(1000)}1 * * * *`))).toThrow(/longer than 500/);
  });

  test("hostile expressions end quickly: an answer that lies ahead, or a CronError", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "*",
        "?",
        "L",
        "W",
        "#",
        "/",
        "-",
        ",",
        "*/1",
        "0",
        "7",
        "59",
        "99999999999",
        "1-5",
        "5-1",
        "LW",
        "31",
        "FRI",
        "JAN",
        "*/0",
        "-1",
        "1/",
        "+1",
      ),
      fc.string({ maxLength: 6 }),
    );
    const field = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(""));
    const schedule = fc.oneof(
      fc.array(field, { maxLength: 8 }).map((fields) => fields.join(" ")),
      fc.string({ maxLength: 600, unit: "binary" }),
    );
    const from = at("2026-03-29T00:59:59.500Z");
    const property = fc.property(
      schedule,
      fc.constantFrom("v2", null),
      fc.constantFrom("UTC", "Europe/Paris", "Asia/Kathmandu"),
      (text, cronVersion, timezone) => {
        const began = performance.now();
        try {
          const found = nextOccurrence({ schedule: text, timezone, cronVersion }, from);
          if (found) expect(found.getTime()).toBeGreaterThan(from.getTime());
        } catch (error) {
          expect(error).toBeInstanceOf(CronError);
        }
        expect(performance.now() - began).toBeLessThan(1000);
      },
    );
    fc.assert(property, { numRuns: 3000 });
  });
});
