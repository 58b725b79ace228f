import type { FlowPlace } from "@towermill/queue";
import type { FlowJob } from "./run.ts";

export type ChildKind = FlowPlace["kind"] | "instant";

/** The flow job at the top of a tree. */
export function rootOf({ id, rootJob, options }: Pick<FlowJob, "id" | "rootJob" | "options">): string {
  return options.flow ? (rootJob ?? id) : id;
}

/** The innermost flow job whose `results` show the steps of this one. */
export function innermostRootOf({ id, options }: Pick<FlowJob, "id" | "options">): string {
  return options.flow?.root ?? id;
}

/** Path of the deployed flow (or preview) that the job belongs to. */
export function flowPathOf({ kind, path, options }: Pick<FlowJob, "kind" | "path" | "options">): string | null {
  return options.flow?.body && kind === "flowpreview" ? options.flow.path : path;
}
