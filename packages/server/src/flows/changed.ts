import type { Services } from "../services.ts";

/** Tells every process to forget what it keeps of these flows. */
export function announceFlows(
  { bus }: Pick<Services, "bus">,
  workspace: string,
  { paths, versions = [] }: { paths: readonly string[]; versions?: readonly number[] },
): void {
  bus.publish("changed", [
    ...[...new Set(paths)].map((path) => `flow:${workspace}:${path}`),
    ...versions.map((version) => `flow-version:${workspace}:${version}`),
  ]);
}
