import { ApiError } from "@towermill/contract";
import type { PushEffect } from "@towermill/openflow";
import { namesOf, type Drive } from "./drive.ts";
import type { FlowRun } from "./run.ts";

/**
 * Fills `$flow_expr[results.a.b]`, `$flow_expr[flow_input.k]`, `$flow_expr[flow_env.k]` of a tag: paths only, no code.
 * @throws ApiError when one of them is no text or number
 */
export async function fillFlowExpressions(
  drive: Drive,
  { run, effect, template }: { run: FlowRun; effect: PushEffect; template: string },
): Promise<string> {
  const { inputs } = effect;
  if (inputs.kind !== "transforms") return template;
  const names = namesOf(drive, run, inputs.scope);
  let filled = "";
  let copied = 0;
  for (const match of template.matchAll(/\$flow_expr\[((?:results|flow_input|flow_env)(?:\.\w+)+)\]/g)) {
    const [root = "", first = "", ...rest] = (match[1] ?? "").split(".");
    const text = root === "results" ? await names.result(first) : await names.value(root);
    const value = valueAt(JSON.parse(text ?? "null"), root === "results" ? rest : [first, ...rest]);
    if (typeof value !== "string" && typeof value !== "number") {
      throw new ApiError("unknown_tag", `Could not resolve the step tag \`${template}\``);
    }
    filled += template.slice(copied, match.index) + String(value);
    copied = match.index + match[0].length;
  }
  return filled + template.slice(copied);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
