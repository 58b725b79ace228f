import type { Effect } from "./effect.ts";
import type { Answers, FlowEvent, Need } from "./event.ts";
import type { FlowValue } from "./flow-value.ts";
import type { FlowStatus } from "./status.ts";

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

export type Advance = (run: FlowRun, status: FlowStatus, event: FlowEvent, answers?: Answers) => Transition;
