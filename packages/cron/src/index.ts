export {
  CronError,
  lastOccurrence,
  nextOccurrence,
  occurrences,
  validateCron,
  type CronVersion,
  type Timetable,
} from "./cron.ts";
