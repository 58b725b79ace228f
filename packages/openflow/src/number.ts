import type { Place, Scope } from "./event.ts";
import type { InputTransform } from "./flow-value.ts";
import { ask, type Turn } from "./turn.ts";

/** @returns null for a value that is no number, a text when the expression failed */
export function numberOf(
  turn: Turn,
  need: { key: string; place: Place; step: string; transform: InputTransform; scope: Scope },
): number | null | string {
  const { transform } = need;
  if (transform.type === "static") {
    const value = typeof transform.value === "string" ? Number(transform.value) : transform.value;
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  }
  const answer = ask(turn, { ...need, kind: "number" }, ["number"]);
  return answer.kind === "number" ? answer.value : answer.message;
}
