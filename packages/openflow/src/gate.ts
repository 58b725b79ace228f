import { failBetween } from "./finish.ts";
import type { Suspend } from "./flow-value.ts";
import { previousResult, scopeAfter } from "./scope.ts";
import type { ApprovalConditions, Gate, GateError, Resume, Settled } from "./status.ts";
import { ask, moduleAt, setModule, type Turn } from "./turn.ts";

const LONGEST_WAIT_SECONDS = 1800;

/** @returns whether the flow may enter the step: false when it waits for approvals now, or failed for want of them */
export function passGate(turn: Turn, index: number): boolean {
  const waiting = gateBefore(turn, index);
  if (waiting === null) return true;
  const { gate, suspend } = waiting;
  const relevant = resumesFor(turn, gate);
  const refusal = relevant.find(({ approved }) => !approved);
  const missing = Number(suspend.required_events) - relevant.length;
  if (refusal)
    return refuse(turn, waiting, {
      name: "SuspendedDisapproved",
      message: `Disapproved by ${refusal.approver ?? "unknown"}`,
    });
  if (missing <= 0) {
    open(turn, waiting, { ...gate, used: relevant, passed: true });
    return true;
  }
  if (turn.timeout && turn.at >= gate.until)
    return refuse(turn, waiting, { name: "SuspendedTimedOut", message: "Timed out waiting to be resumed" });
  return park(turn, waiting, missing);
}

interface Waiting {
  gate: Gate;
  suspend: Suspend;
  /** The step that the gate belongs to. */
  before: Settled;
}

function gateBefore(turn: Turn, index: number): Waiting | null {
  if (index === 0) return null;
  const { suspend } = moduleAt(turn, index - 1);
  const before = turn.status.modules[index - 1];
  if (suspend == null || !((suspend.required_events ?? 0) > 0)) return null;
  if (before?.type !== "Success" || before.skipped) return null;
  const until = turn.at + (suspend.timeout ?? LONGEST_WAIT_SECONDS) * 1000;
  const gate = turn.status.engine.gate ?? { step: index, job: before.job, until, passed: false, used: [] };
  return { gate, suspend, before };
}

function refuse(turn: Turn, waiting: Waiting, error: GateError): boolean {
  const { gate, suspend } = waiting;
  const used = resumesFor(turn, gate).filter(({ approved }) => approved);
  open(turn, waiting, { ...gate, passed: true, used, refused: error });
  if (suspend.continue_on_disapprove_timeout === true) return true;
  failBetween(turn, gate.step, error);
  return false;
}

function resumesFor({ status, run }: Turn, gate: Gate): Resume[] {
  return (status.engine.resumes ?? []).filter(({ job }) => job === gate.job || job === run.job);
}

function open(turn: Turn, { before }: Waiting, gate: Gate): void {
  const { engine } = turn.status;
  const heard = resumesFor(turn, gate);
  const resumes = (engine.resumes ?? []).filter((resume) => !heard.includes(resume));
  const approvers = gate.used.map(({ resume_id, approver }) => ({ resume_id, approver: approver ?? "anonymous" }));
  setModule(turn, gate.step - 1, { ...before, approvers });
  if (engine.phase === "parked") turn.effects.push({ kind: "unsuspend" });
  turn.status.engine = { ...engine, phase: "running", gate, resumes };
  delete turn.status.approval_conditions;
}

function park(turn: Turn, { gate, suspend }: Waiting, missing: number): boolean {
  if (turn.status.engine.phase !== "parked") {
    const conditions = conditionsOf(turn, gate.step, suspend);
    if (conditions === "failed") return false;
    if (conditions !== null) turn.status.approval_conditions = conditions;
    const { id } = moduleAt(turn, gate.step);
    const count = Number(suspend.required_events);
    setModule(turn, gate.step, { type: "WaitingForEvents", id, count, job: gate.job });
  }
  turn.status.engine = { ...turn.status.engine, phase: "parked", gate };
  const conditions = turn.status.approval_conditions ?? null;
  turn.effects.push({ kind: "suspend", job: gate.job, count: missing, until: gate.until, conditions });
  return false;
}

function conditionsOf(turn: Turn, index: number, suspend: Suspend): ApprovalConditions | "failed" | null {
  const conditions: ApprovalConditions = {
    user_auth_required: suspend.user_auth_required === true,
    user_groups_required: [],
    self_approval_disabled: suspend.self_approval_disabled === true,
  };
  const { user_groups_required: transform } = suspend;
  if (transform == null) return conditions.user_auth_required || conditions.self_approval_disabled ? conditions : null;
  const step = moduleAt(turn, index - 1).id;
  const scope = scopeAfter(step, previousResult(turn, index));
  const key = `${step}/user_groups_required`;
  const answer = ask(turn, { key, kind: "strings", place: "user_groups_required", step, transform, scope }, [
    "strings",
  ]);
  if (answer.kind === "strings") return { ...conditions, user_groups_required: answer.value };
  failBetween(turn, index, { name: "InternalErr", message: `user_groups_required of step ${step}: ${answer.message}` });
  return "failed";
}
