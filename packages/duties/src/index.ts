import type { Duty } from "./duty.ts";
import { flowRepair, flowTimes } from "./flows.ts";
import { partitions } from "./partitions.ts";
import { rescue } from "./rescue.ts";
import { retention } from "./retention.ts";
import { scheduleHistory } from "./schedules/history.ts";
import { sweep } from "./sweep.ts";
import { wipe } from "./wipe.ts";
import { workspaceHandlers } from "./workspace-handlers/workspace-handlers.ts";

export type { Duty, DutyContext } from "./duty.ts";
export { startDuties, type DutiesOptions, type RunningDuties } from "./leader.ts";
export { startTicker, type RunningTicker, type TickerOptions } from "./schedules/ticker.ts";
export { flowRepair, flowTimes, partitions, rescue, retention, scheduleHistory, sweep, wipe, workspaceHandlers };

/** Every duty of the product. */
export const allDuties: readonly Duty[] = [
  rescue,
  workspaceHandlers,
  flowTimes,
  flowRepair,
  wipe,
  sweep,
  partitions,
  retention,
  scheduleHistory,
];
