import type { EditFlow } from "@towermill/contract";

/** The fields of a flow that live in its `options`. */
const optionNames = [
  "tag",
  "priority",
  "timeout",
  "dedicated_worker",
  "ws_error_handler_muted",
  "visible_to_runner_only",
  "labels",
] as const satisfies readonly (keyof EditFlow)[];

/** What was set of the rare fields; unset ones are absent. Whom the flow runs on behalf of is decided apart. */
export function givenFlowOptions(flow: EditFlow): Record<string, unknown> {
  const given = optionNames.map((name) => [name, flow[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== null));
}
