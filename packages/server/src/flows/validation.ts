import { ApiError } from "@towermill/contract";
import { sentenceOf, validateFlow } from "@towermill/openflow";

/** Problems told at once; the rest shows when these are corrected. */
const mostTold = 5;

/**
 * Checks what a flow's value says before it is stored or run; unknown fields pass.
 * @throws ApiError `bad_request` naming step and field of each problem
 */
export function requireValidFlow(value: unknown): void {
  const problems = validateFlow(value).filter(({ severity }) => severity === "error");
  if (problems.length === 0) return;
  const told = problems.slice(0, mostTold).map(sentenceOf);
  const more = problems.length > mostTold ? [`and ${problems.length - mostTold} more`] : [];
  throw new ApiError("bad_request", `Bad request: ${[...told, ...more].join("; ")}`);
}
