import { ApiError } from "@towermill/contract";
import { CronError } from "@towermill/cron";
import { errorCode, isConflict, isConnectionLoss } from "@towermill/store";

/** Errors that are the schedule's own: it can never run as it is. */
export function isFinal(error: unknown): error is Error {
  return error instanceof CronError || (error instanceof ApiError && error.status < 500);
}

/** The database was away or in the way: nothing is known to be wrong with what it was asked. */
export function mayPass(error: unknown): boolean {
  return isConnectionLoss(error) || isConflict(error) || errorCode(error) === "57014";
}
