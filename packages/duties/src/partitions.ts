import { createPartitions } from "@towermill/queue";
import type { Duty } from "./duty.ts";

/** Keeps the weekly partitions of the job tables ahead of time. */
export const partitions: Duty = {
  name: "partitions",
  everyMs: 3_600_000,
  run: ({ db, now }) => createPartitions(db, now()),
};
