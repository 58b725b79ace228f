import { jsonObject } from "@towermill/contract";
import type { Inputs, PushEffect, Scope } from "@towermill/openflow";
import type { JobOptions } from "@towermill/queue";
import { sql, type Database } from "@towermill/store";
import { valueOfTransform } from "./answer.ts";
import type { Evaluator } from "@towermill/expression";
import type { Names } from "./expressions.ts";
import type { Results } from "./result.ts";
import type { FlowRun } from "./run.ts";
import { seal } from "./sealed.ts";
import type { Vault } from "@towermill/vault";

export interface InputContext {
  db: Database;
  evaluator: Evaluator;
  vault: Vault;
  results: Results;
  namesOf(run: FlowRun, scope: Scope): Names;
  /** Definitions of jobs that this drive knows without reading them. */
  definitionOf(job: string): { args: string | null; options: JobOptions } | undefined;
}

/** A child that cannot run, and why: its job fails with this. */
export class InputError extends Error {
  readonly failed: NonNullable<JobOptions["failed"]>;
  constructor(failed: NonNullable<JobOptions["failed"]>) {
    super(failed.message);
    this.failed = failed;
  }
}

/** The arguments of a child as JSON text; of an identity its result. @throws InputError */
export async function argsOfPush(ctx: InputContext, run: FlowRun, effect: PushEffect): Promise<string> {
  const { payload, inputs } = effect;
  if (payload.kind === "identity") return ctx.results.read(run, payload.result);
  // a preprocessor gets what the trigger sent: `{"event": …}`
  if ((payload.kind === "code" || payload.kind === "script") && payload.preprocessor) return run.job.args;
  return argsOf(ctx, run, inputs);
}

async function argsOf(ctx: InputContext, run: FlowRun, inputs: Inputs): Promise<string> {
  if (inputs.kind === "args") return ctx.results.args(run, inputs.iter);
  if (inputs.kind === "same") return argsOfJob(ctx, inputs.job);
  const names = ctx.namesOf(run, inputs.scope);
  const members = await Promise.all(
    Object.entries(inputs.transforms).map(async ([name, transform]) => {
      try {
        const json = await valueOfTransform(ctx.evaluator, transform, names);
        return [name, await seal(ctx.vault, run.job, { json, secrets: names.secrets })] as const;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new InputError({ name: "ExecutionErr", message: `Error in the input \`${name}\`: ${message}` });
      }
    }),
  );
  return jsonObject(members);
}

async function argsOfJob({ db, definitionOf }: InputContext, job: string): Promise<string> {
  const found =
    definitionOf(job) ??
    (await db.maybe<{ args: string | null; options: JobOptions }>(
      sql`select args, options from job where id = ${job}`,
    ));
  if (found?.options.failed) throw new InputError(found.options.failed);
  return found?.args ?? "{}";
}

/** Seconds that a module allows its job, null = what the runnable says. @throws InputError */
export async function timeoutOfPush(ctx: InputContext, run: FlowRun, { timeout }: PushEffect): Promise<number | null> {
  if (timeout === null) return null;
  const names = ctx.namesOf(run, timeout.scope);
  try {
    const seconds: unknown = JSON.parse(await valueOfTransform(ctx.evaluator, timeout.transform, names));
    return typeof seconds === "number" && seconds > 0 ? Math.ceil(seconds) : null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError({ name: "ExecutionErr", message: `Error in the timeout: ${message}` });
  }
}
