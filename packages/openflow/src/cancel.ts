import { handlerId, preprocessorId } from "./body.ts";
import { complete } from "./finish.ts";
import { settled } from "./settled.ts";
import { setModule, type Turn } from "./turn.ts";

/** The whole flow ends here; no handler runs. */
export function onCancel(turn: Turn, { by, reason }: { by: string; reason: string | null }): void {
  const { status, run } = turn;
  if (status.engine.phase === "parked") turn.effects.push({ kind: "unsuspend" });
  turn.effects.push({ kind: "cancel", by, reason });
  failCurrent(turn);
  delete status.approval_conditions;
  const message = `Job canceled: ${reason ?? "no reason given"} by ${by}`;
  const error = { message, name: "Canceled", reason, canceler: by };
  complete(turn, { status: "canceled", result: { from: "value", value: { error } }, canceled: { by, reason } });

  function failCurrent({ status: { step, modules } }: Turn): void {
    const module = modules[step];
    if (status.engine.phase === "new") return;
    if (step === -1)
      status.preprocessor_module = settled(status.preprocessor_module, {
        type: "Failure",
        id: preprocessorId(run.flow),
        job: run.job,
      });
    else if (module !== undefined)
      setModule(turn, step, settled(module, { type: "Failure", id: module.id, job: run.job }));
    else
      status.failure_module = {
        ...status.failure_module,
        ...settled(status.failure_module, { type: "Failure", id: handlerId(run.flow), job: run.job }),
      };
  }
}
