import { ApiError } from "@towermill/contract";
import { CronError, nextOccurrence, validateCron, type Timetable } from "@towermill/cron";
import { sql, type Queryable } from "@towermill/store";

/** What decides when a schedule is due; names are those of the API. */
export interface When {
  schedule: string;
  timezone: string;
  cron_version: string | null;
  paused_until: Date | null;
}

function timetableOf({ schedule, timezone, cron_version }: When): Timetable {
  return { schedule, timezone, cronVersion: cron_version };
}

/** Errors of cron expressions as errors of the request. */
export function orBadRequest<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof CronError ? new ApiError("bad_request", `schedule: ${error.message}`) : error;
  }
}

/**
 * The first moment after now, or after the pause, at which it is due, by the database's clock.
 * @throws ApiError `bad_request` saying what cannot be read, or that it is never due
 */
export async function firstDue(tx: Queryable, when: When): Promise<Date | null> {
  const { now } = await tx.one<{ now: Date }>(sql`select clock_timestamp() as now`);
  const pause = when.paused_until;
  return orBadRequest(() => {
    validateCron(timetableOf(when), now);
    return nextOccurrence(timetableOf(when), pause && pause > now ? pause : now);
  });
}

export function sameTimetable(a: When, b: When): boolean {
  const sameTime = a.paused_until?.getTime() === b.paused_until?.getTime();
  return sameTime && a.schedule === b.schedule && a.timezone === b.timezone && a.cron_version === b.cron_version;
}
