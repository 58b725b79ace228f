import type { Resume } from "./status.ts";
import { goTo, Misfit, type Turn } from "./turn.ts";

/** Somebody approved or disapproved. It counts for the gate behind the job, now or when the flow comes there. */
export function onResume(turn: Turn, { job, resume_id, approver, approved }: Resume): void {
  const { engine } = turn.status;
  const { resumes = [], gate, phase } = engine;
  const same = (resume: Resume): boolean => resume.job === job && resume.resume_id === resume_id;
  if (resumes.some(same) || gate?.used.some(same)) throw new Misfit("This resume request was already sent");
  if (hasPassed(turn, job)) throw new Misfit("The flow has passed this gate");
  turn.status.engine = { ...engine, resumes: [...resumes, { job, resume_id, approver, approved }] };
  if (phase === "parked" && gate) goTo(turn, gate.step);
}

export function onTimeout(turn: Turn): void {
  const { phase, gate } = turn.status.engine;
  if (phase !== "parked" || gate === undefined || turn.at < gate.until) throw new Misfit("No waiting time has ended");
  goTo(turn, gate.step);
}

function hasPassed({ status }: Turn, job: string): boolean {
  const { gate } = status.engine;
  const index = status.modules.findIndex(
    (module) => "job" in module && module.type !== "WaitingForEvents" && module.job === job,
  );
  return index >= 0 && (index < status.step - 1 || (index === status.step - 1 && (gate === undefined || gate.passed)));
}
