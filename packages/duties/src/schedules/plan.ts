import { lastOccurrence, nextOccurrence, type Timetable } from "@towermill/cron";
import type { CatchUp } from "./schedule.ts";

/** What is later than this was missed; less is how long ticking may take when much is due at once, or a restart. */
const graceMs = 15_000;
/** So many missed or waiting moments are made up for at most, the latest ones. */
export const mostCaughtUp = 100;
/** Counting further would only make the number larger. */
const mostCounted = 1000;

/** Moments that are left out, in one row. */
export interface Missed {
  from: Date;
  /** How many, at least. */
  count: number;
}

export interface Plan {
  missed: Missed | null;
  /** The moment to run now. */
  fire: Date | null;
  /** The moment after these; `null` = never again. */
  next: Date | null;
}

export interface Situation {
  timetable: Timetable;
  /** The earliest moment that was not handled. */
  due: Date;
  now: Date;
  catchUp: CatchUp;
  /** It waited for an earlier run: what is late was not missed but stands in line. */
  waited: boolean;
}

/** Moments from `from` on before `until`, counted up to a limit. */
function missedBetween(timetable: Timetable, from: Date, until: Date): Missed | null {
  let count = 0;
  for (let at: Date | null = from; at && at < until && count < mostCounted; at = nextOccurrence(timetable, at))
    count += 1;
  return count === 0 ? null : { from, count };
}

/** Where the latest {@link mostCaughtUp} moments begin. */
function startOfLine(timetable: Timetable, due: Date, now: Date): Date {
  let last: Date | null = due;
  for (let count = 0; count < mostCaughtUp && last; count += 1) {
    last = nextOccurrence(timetable, last);
    if (!last || last > now) return due;
  }
  let start = now;
  for (let count = 0; count < mostCaughtUp; count += 1) {
    const before = lastOccurrence(timetable, count === 0 ? now : new Date(start.getTime() - 1));
    if (!before || before <= due) return due;
    start = before;
  }
  return start;
}

/** Decides what comes of a moment that is due. Pure. */
export function planTick({ timetable, due, now, catchUp, waited }: Situation): Plan {
  const firing = (fire: Date): Plan => ({
    missed: missedBetween(timetable, due, fire),
    fire,
    next: nextOccurrence(timetable, fire),
  });
  if (now.getTime() - due.getTime() <= graceMs) return firing(due);
  if (waited || catchUp === "all") return firing(startOfLine(timetable, due, now));
  const next = nextOccurrence(timetable, now);
  if (catchUp === "none")
    return { missed: missedBetween(timetable, due, new Date(now.getTime() + 1)), fire: null, next };
  const last = lastOccurrence(timetable, now);
  return { ...firing(last && last > due ? last : due), next };
}
