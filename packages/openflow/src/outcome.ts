import type { CompleteEffect, Payload } from "./effect.ts";
import type { ChildDone } from "./event.ts";

/** What a parent is told of a child flow that completed: the part of its `done` event that does not name the child. */
export function outcomeOf(
  { status, stopped, handled, recovered }: CompleteEffect,
  payload: Payload["kind"],
): Pick<ChildDone, "success" | "unrecoverable" | "stopped" | "handled"> {
  const succeeded = status === "success" || status === "skipped";
  const unrecoverable = status === "canceled";
  // another flow's early stop and handler are its own affair
  if (payload !== "body") return { success: succeeded, unrecoverable, stopped: null, handled: false };
  return { success: succeeded && !recovered, unrecoverable, stopped, handled };
}
