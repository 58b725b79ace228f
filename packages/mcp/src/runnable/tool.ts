import type { ShownTool } from "../endpoint/tool.ts";
import type { Schema } from "../endpoint/schema.ts";
import type { Runnable } from "./runnable.ts";
import { argumentNames, cleanSchema, type ResourcePaths } from "./schema.ts";

/** Every run answers this, whatever the script returns. */
export const runAnswer: ShownTool["inputSchema"] = {
  type: "object",
  properties: {
    job_id: { type: "string" },
    status: { type: "string" },
    result: {},
    log_tail: { type: "string" },
  },
  required: ["job_id", "status"],
};

/** Longest description clients keep. */
const longestDescription = 1500;

function describe(runnable: Runnable): string {
  const { kind, path, summary, description, hints } = runnable;
  const about =
    hints.description ?? [summary, description === summary ? "" : description].filter((text) => text !== "").join("\n");
  const text = about === "" ? `Runs the ${kind} ${path}.` : `${about}\nRuns the ${kind} ${path}.`;
  return text.length > longestDescription ? `${text.slice(0, longestDescription - 1)}…` : text;
}

function properties(schema: unknown): Record<string, unknown> {
  const found = typeof schema === "object" && schema !== null ? (schema as Schema)["properties"] : undefined;
  return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : {};
}

/** Shown argument name → the script's own. */
export function argumentsOf(runnable: Pick<Runnable, "schema">): ReadonlyMap<string, string> {
  return argumentNames(Object.keys(properties(runnable.schema)));
}

/** A script or flow as a tool: its arguments flat, as its author named them. */
export function showRunnable(runnable: Runnable, resources: ResourcePaths): ShownTool {
  const { hints, summary, path } = runnable;
  const own = properties(runnable.schema);
  const names = argumentsOf(runnable);
  const required = new Set(((runnable.schema as Schema | null)?.["required"] as string[] | undefined) ?? []);
  const shown = [...names].filter(([, name]) => name in own);
  const asked = shown.filter(([, name]) => required.has(name)).map(([name]) => name);
  return {
    name: runnable.toolName,
    title: summary === "" ? path : summary.slice(0, 120),
    description: describe(runnable),
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(shown.map(([name, original]) => [name, cleanSchema(own[original], resources)])),
      ...(asked.length > 0 ? { required: asked } : {}),
    },
    outputSchema: runAnswer,
    annotations: {
      readOnlyHint: hints.readOnly ?? false,
      destructiveHint: hints.destructive ?? hints.readOnly !== true,
      idempotentHint: hints.idempotent ?? false,
      openWorldHint: hints.openWorld ?? true,
    },
  };
}

/** The arguments of a call under the script's own names; others pass as they are. */
export function namedArguments(
  runnable: Pick<Runnable, "schema">,
  args: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const names = argumentsOf(runnable);
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [names.get(name) ?? name, value]));
}
