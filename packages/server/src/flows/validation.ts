import { ApiError } from "@towermill/contract";
import { compile } from "@towermill/expression";
import { sentenceOf, validateFlow } from "@towermill/openflow";

/** Problems told at once; the rest shows when these are corrected. */
const mostTold = 5;

/**
 * Checks what a flow's value says before it is stored or run; unknown fields pass.
 * @returns sentences about what can be stored but is hardly meant, such as the result of a step that does not exist
 * @throws ApiError `bad_request` naming step and field of each problem, and for expressions line and column
 */
export function requireValidFlow(value: unknown): string[] {
  const problems = validateFlow(value, { compile });
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return problems.map(sentenceOf);
  const told = errors.slice(0, mostTold).map(sentenceOf);
  const more = errors.length > mostTold ? [`and ${errors.length - mostTold} more`] : [];
  throw new ApiError("bad_request", `Bad request: ${[...told, ...more].join("; ")}`);
}
