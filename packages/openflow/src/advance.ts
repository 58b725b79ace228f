/**
 * How a flow moves. `advance` is pure: no clock, no chance, no ids from elsewhere, so the same events give the same status
 * and the same children, whoever asks and however often.
 *
 * A flow job has one status row. Every flow job is driven alone: iterations and branches of more than one simple step are
 * flow jobs of their own (payload `body`), as in Windmill; an iteration of a single simple step is that step's job
 * (`simpleStep`), which nobody can tell from the outside, since whatever could show the difference makes it not simple.
 *
 * What a driver does:
 *
 * 1. A flow job comes into being: `status = initialStatus(flow, { preprocess })` with `flow = readFlow(value)` for a root,
 *    `flow = bodyFlow(parentFlow, payload.body)` for a payload `body` (then `preprocess` is false; with `payload.restart`
 *    the status is `restartStatus(...)` of that job's flow and status instead). Store the status beside the job.
 * 2. Something happens: read the status, call `advance(run, status, event, answers)`.
 *    - `needs`: evaluate them (no lock, no open transaction), call again with all answers so far. Three or four rounds at
 *      most, and most transitions have none. Evaluate once: an answer is valid for as long as its key is asked for.
 *    - `ignored`: commit nothing more; the event came late or twice.
 *    - `moved`: in one transaction with what caused the event (the child's `job_done` row), lock the flow's row, compare
 *      `status.engine.revision` with what was read (if another was faster: call again with the row's status, the answers
 *      stay), store the new status, apply the effects in order.
 * 3. Effects. Children are written to a table with the unique key (flow job, step, iteration, attempt), iteration null for
 *    plain steps: `push` and `instant` insert there, `record` sets `success` and the times there (rows of plain steps have
 *    none). `publicStatus` and `{ from: "children" }` read it. The inputs of a `push` may be evaluated at the push or when
 *    the child is claimed; if that throws, the child's job fails with the error and `done` comes like after any failure.
 *    `complete` ends the flow job; if it has a parent, the `done` event of the parent follows, in the same transaction:
 *    {step, iteration, attempt} from its child row, the rest from `outcomeOf(effect, payload.kind)`.
 *    After `preprocessed` put the arguments in place and send `start` again (in the same transaction if you like).
 *    `complete` for a `canceled` flow follows the `cancel` effect: cancel the children's trees first, tell no parent twice.
 * 4. `resume` rows keep their payload in the driver's table; the event is sent whether or not the flow waits already.
 *    `timeout` is sent when the `until` of the last `suspend` has come.
 *
 * The status stays small: nothing in it grows with the number of iterations (ranges of ended children grow with the number
 * that is in flight). Whether a child is running is not in the status either: `publicStatus` takes it from the child rows.
 *
 * Four things that are easy to get wrong:
 * - What effects give rise to (`start` of a child flow, `done` of a parent) comes after all effects of the transition: an
 *   empty branch ends at once, and its parent must have pushed the others before it hears of it.
 * - While `done` is handled, `{ from: "children" }` includes the child that has just ended, though its row is not marked yet.
 * - `results.<id>` is not in a `Scope`, as it may be any step. Look at this flow's `ownResult(status, id)`, then at the
 *   newest ended job with that `flow_step_id` under the innermost root, then at the flow's parent in the same way. Give each
 *   pushed job `payload.module.id` as its `flow_step_id` (an iteration that is one job has the inner step's id there, the
 *   loop's in its child row), and begin a new innermost root where the push says `ownRoot`.
 * - If the inputs are evaluated only when the child is claimed, keep `inputs` with the child: a `value` in its scope exists
 *   nowhere else.
 */
import type { Effect } from "./effect.ts";
import type { Answers, FlowEvent, Need } from "./event.ts";
import type { FlowValue } from "./flow-value.ts";
import { onCancel } from "./cancel.ts";
import { onDone } from "./done.ts";
import { onResume, onTimeout } from "./resume.ts";
import { onStart } from "./start.ts";
import type { FlowStatus } from "./status.ts";
import { enterStep } from "./step.ts";
import { Misfit, Unanswered, type Turn } from "./turn.ts";

/** The flow job being advanced. */
export interface FlowRun {
  /** Id of the flow's job. */
  job: string;
  /** As `readFlow` or `bodyFlow` gave it. */
  flow: FlowValue;
  /** A while loop that runs longer fails its step; 100,000 if absent. */
  maxIterations?: number;
}

export type Transition =
  | { kind: "moved"; status: FlowStatus; effects: Effect[] }
  /** Evaluate these and call again with the answers added to those given before. Nothing has changed. */
  | { kind: "needs"; needs: Need[] }
  /** The event is late, double, or of another attempt: nothing changes. */
  | { kind: "ignored"; reason: string };

/**
 * What a flow does about an event.
 * @throws TypeError when an answer is of a kind that was not asked for
 * @throws RangeError when the status belongs to another flow
 */
export function advance(run: FlowRun, status: FlowStatus, event: FlowEvent, answers: Answers = {}): Transition {
  if (status.engine.phase === "ended") return { kind: "ignored", reason: "The flow has ended" };
  const turn: Turn = {
    run,
    answers,
    at: event.at,
    timeout: event.type === "timeout",
    status: { ...status },
    effects: [],
    next: null,
  };
  try {
    take(turn, event);
    for (let next = turn.next; next !== null; next = turn.next) {
      turn.next = null;
      enterStep(turn, next);
    }
  } catch (error) {
    if (error instanceof Unanswered) return { kind: "needs", needs: [error.need] };
    if (error instanceof Misfit) return { kind: "ignored", reason: error.message };
    throw error;
  }
  const { engine } = turn.status;
  turn.status.engine = { ...engine, revision: engine.revision + 1 };
  return { kind: "moved", status: turn.status, effects: turn.effects };
}

function take(turn: Turn, event: FlowEvent): void {
  switch (event.type) {
    case "start":
      return onStart(turn);
    case "done":
      return onDone(turn, event);
    case "resume":
      return onResume(turn, event);
    case "timeout":
      return onTimeout(turn);
    case "cancel":
      return onCancel(turn, event);
  }
}
