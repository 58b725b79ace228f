import { compile } from "@towermill/expression";
import type { Drive, DriveContext } from "./drive.ts";

/** Whether something was asked for before its time. */
export interface Refusal {
  happened: boolean;
  /** What must not be asked for yet answers with this. */
  refuse(): never;
}

export function createRefusal(): Refusal {
  const refusal: Refusal = {
    happened: false,
    refuse() {
      refusal.happened = true;
      throw new Error("It is asked for before its time");
    },
  };
  return refusal;
}

/** A context without secrets. */
export function openContext(ctx: DriveContext, { refuse }: Refusal): DriveContext {
  return { ...ctx, vault: never(refuse) };
}

/**
 * A context in which only what never changes can be read: neither the database nor secrets nor a script that may look at
 * the clock.
 * @param before a drive that is being written: its flows stand as it leaves them
 */
export function timelessContext(ctx: DriveContext, before: Drive | undefined, { refuse }: Refusal): DriveContext {
  const { runs, evaluator, recent } = ctx;
  return {
    ...ctx,
    db: never(refuse),
    vault: never(refuse),
    runnables: never(refuse),
    deployed: never(refuse),
    evaluator: {
      evaluate: (expr, evaluation) =>
        compile(expr).kind === "script" ? refuse() : evaluator.evaluate(expr, evaluation),
      close: refuse,
    },
    runs: { ...runs, get: async (id) => before?.states.get(id)?.run ?? runs.known(id) ?? refuse() },
    recent: { get: (key) => before?.results.ending(key) ?? recent.get(key), set: refuse },
    statusOf(id) {
      const state = before?.states.get(id);
      if (!state) return ctx.statusOf(id);
      return { status: state.status, revision: state.status.engine.revision };
    },
  };
}

/** Something of which nothing may be used. */
function never<Part extends object>(refuse: () => never): Part {
  return new Proxy<Part>(Object.create(null) as Part, { get: refuse });
}
