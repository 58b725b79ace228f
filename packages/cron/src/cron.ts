import { Cron } from "croner";
import { translateWeekdays } from "./translate.ts";

/** `v2` = croner's dialect; anything else the older one, in which schedules were written before it. */
export type CronVersion = string | null | undefined;

/** When something is due. */
export interface Timetable {
  /** A cron expression. */
  schedule: string;
  /** Name of an IANA time zone. */
  timezone: string;
  cronVersion?: CronVersion;
}

/** The expression or the time zone cannot be used. The message says what is wrong, and how it is written right. */
export class CronError extends Error {
  override name = "CronError";
}

const longest = 500;

const v2Fields = "5 fields (minute hour day month weekday), or 6 with seconds first";
const v1Fields = "6 fields (second minute hour day month weekday), or 7 with a year at the end";

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function fieldsOf(schedule: string): string[] {
  // other characters only mislead: cron expressions are made of these
  if (schedule.length > longest) throw new CronError(`The cron expression is longer than ${longest} characters`);
  if (!/^[\x20-\x7e\t]*$/.test(schedule))
    throw new CronError(`The cron expression ${quoted(schedule)} holds characters that mean nothing in it`);
  return schedule.trim().split(/[ \t]+/);
}

/** The expression in croner's dialect. */
function patternOf({ schedule, cronVersion }: Timetable): string {
  const fields = fieldsOf(schedule);
  if (cronVersion === "v2") {
    if (fields.length !== 5 && fields.length !== 6) {
      throw new CronError(`The cron expression ${quoted(schedule)} has ${fields.length} fields, expected ${v2Fields}`);
    }
    return fields.join(" ");
  }
  if (fields.length !== 6 && fields.length !== 7) {
    throw new CronError(`The cron expression ${quoted(schedule)} has ${fields.length} fields, expected ${v1Fields}`);
  }
  const foreign = fields.slice(0, 5).find((field, index) => /[LW#]/i.test(field) && index !== 4);
  if (foreign !== undefined)
    throw new CronError(`${quoted(foreign)} is not known in the older cron dialect: set cron_version to v2`);
  const weekday = translateWeekdays(fields[5] ?? "");
  if (weekday === null) {
    throw new CronError(
      `The weekday ${quoted(fields[5] ?? "")} cannot be read: in this dialect Sunday is 1 and Saturday 7, names are SUN to SAT`,
    );
  }
  return [...fields.slice(0, 5), weekday, ...fields.slice(6)].join(" ");
}

function requireTimezone(timezone: string): void {
  try {
    if (!/^[A-Za-z][\w+/-]{0,63}$/.test(timezone)) throw new RangeError();
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch {
    throw new CronError(
      `The time zone ${quoted(timezone)} is not known, expected an IANA name such as Europe/Paris or UTC`,
    );
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Cron\w+: /, "");
}

function parse(timetable: Timetable): Cron {
  const pattern = patternOf(timetable);
  requireTimezone(timetable.timezone);
  try {
    // the older dialect wants both the day and the weekday to match, croner's one of them
    return new Cron(pattern, { paused: true, timezone: timetable.timezone, domAndDow: timetable.cronVersion !== "v2" });
  } catch (error) {
    throw new CronError(`The cron expression ${quoted(timetable.schedule)} cannot be read: ${reasonOf(error)}`);
  }
}

const kept = new Map<string, Cron>();
const mostKept = 2000;

/** Parsing costs as much as a hundred look-ups, and the same schedules come again and again. */
function cronOf(timetable: Timetable): Cron {
  const key = `${timetable.cronVersion === "v2" ? "v2" : "v1"} ${timetable.timezone} ${timetable.schedule}`;
  const known = kept.get(key);
  if (known) return known;
  const cron = parse(timetable);
  if (kept.size >= mostKept) kept.delete(kept.keys().next().value ?? "");
  kept.set(key, cron);
  return cron;
}

/**
 * Checks an expression and its time zone.
 * @throws CronError also for an expression that can be read but never comes true, such as 30 February
 */
export function validateCron(timetable: Timetable, after: Date = new Date()): void {
  if (nextOccurrence(timetable, after) === null) {
    throw new CronError(`The cron expression ${quoted(timetable.schedule)} never comes true again`);
  }
}

/**
 * The first moment strictly after another at which a timetable is due; `null` when it never is again. Local times that a
 * change of the clocks skips come at its end, repeated ones count once (patterns that run every so many minutes or hours go on
 * evenly). @throws CronError
 */
export function nextOccurrence(timetable: Timetable, after: Date): Date | null {
  const found = cronOf(timetable).nextRun(after);
  // croner counts whole seconds; what it finds must lie ahead or a ticker would stand still
  return found !== null && found.getTime() > after.getTime() ? found : null;
}

/** The last moment at or before another at which a timetable was due. @throws CronError */
export function lastOccurrence(timetable: Timetable, at: Date): Date | null {
  const justAfter = new Date(Math.floor(at.getTime() / 1000) * 1000 + 1000);
  return cronOf(timetable).previousRuns(1, justAfter)[0] ?? null;
}

/** The next `count` moments after another, fewer when there are no more. @throws CronError */
export function occurrences(timetable: Timetable, after: Date, count: number): Date[] {
  const found: Date[] = [];
  for (let from = after; found.length < count;) {
    const next = nextOccurrence(timetable, from);
    if (next === null) break;
    found.push(next);
    from = next;
  }
  return found;
}
