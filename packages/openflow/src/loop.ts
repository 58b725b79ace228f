import { startContainer } from "./container.ts";
import { failBetween } from "./finish.ts";
import type { BranchAll, ForLoop, WhileLoop } from "./flow-value.ts";
import { asTransform } from "./leaf.ts";
import { numberOf } from "./number.ts";
import { pass } from "./pass.ts";
import { scopeBefore } from "./scope.ts";
import { ask, moduleAt, type Next, type Turn } from "./turn.ts";

/** So that no transition writes more jobs than a transaction carries with ease; the others follow as these end. */
const MOST_AT_ONCE = 1000;

export function startForLoop(turn: Turn, next: Next, value: ForLoop): void {
  const { index, attempt } = next;
  const { id } = moduleAt(turn, index);
  if (value.modules.length === 0) return passEmpty(turn, next);
  const key = `${id}/${attempt}/iterator`;
  const scope = scopeBefore(turn, index);
  const answer = ask(turn, { key, kind: "items", step: id, transform: value.iterator, scope }, ["items", "not-items"]);
  if (answer.kind === "error") return fail(turn, index, `Iterator of step ${id}: ${answer.message}`);
  if (answer.kind === "not-items")
    return fail(
      turn,
      index,
      `Expected an array value in the iterator expression of step ${id}, found: ${answer.found}`,
    );
  const { length } = answer;
  if (length === 0) return passEmpty(turn, next);
  if (value.parallel === true && turn.run.flow.same_worker === true && length > 1)
    return fail(turn, index, `Step ${id}: a parallel loop of more than one iteration cannot run on the same worker`);
  const width = widthOf(turn, next, { value, length });
  if (typeof width === "string") return fail(turn, index, `Parallelism of step ${id}: ${width}`);
  turn.effects.push({ kind: "items", step: id, attempt, need: key });
  startContainer(turn, next, { length, width, parallel: value.parallel === true });
}

export function startWhileLoop(turn: Turn, next: Next, value: WhileLoop): void {
  if (value.modules.length === 0) return passEmpty(turn, next);
  startContainer(turn, next, { length: null, width: 1, parallel: false });
}

/** On one worker the branches run one after the other. */
export function startBranchAll(turn: Turn, next: Next, value: BranchAll): void {
  const { length } = value.branches;
  if (length === 0) return passEmpty(turn, next);
  const parallel = value.parallel !== false && turn.run.flow.same_worker !== true;
  startContainer(turn, next, { length, width: parallel ? length : 1, parallel });
}

function widthOf(turn: Turn, next: Next, { value, length }: { value: ForLoop; length: number }): number | string {
  if (value.parallel !== true) return 1;
  const most = Math.min(length, MOST_AT_ONCE);
  const transform = asTransform(value.parallelism);
  if (transform === null) return most;
  const { id } = moduleAt(turn, next.index);
  const key = `${id}/${next.attempt}/parallelism`;
  const scope = scopeBefore(turn, next.index);
  const width = numberOf(turn, { key, place: "parallelism", step: id, transform, scope });
  return typeof width === "string" ? width : Math.min(most, Math.max(1, Math.trunc(width ?? most)));
}

function passEmpty(turn: Turn, next: Next): void {
  pass(turn, next, { result: { from: "value", value: [] }, empty: true });
}

function fail(turn: Turn, index: number, message: string): void {
  failBetween(turn, index, { name: "InternalErr", message });
}
