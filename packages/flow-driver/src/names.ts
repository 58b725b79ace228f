import type { GateRef, Scope } from "@towermill/openflow";
import { sql, type Database } from "@towermill/store";
import { interpolate, readResource, readVariable, type Vault } from "@towermill/vault";
import type { HelperRequest } from "@towermill/expression";
import type { Names } from "./expressions.ts";
import type { Plan } from "./plan.ts";
import { rootOf } from "./place.ts";
import { unseal } from "./sealed.ts";
import type { Results } from "./result.ts";
import type { FlowRun } from "./run.ts";

export interface NamesOptions {
  db: Database;
  vault: Vault;
  plan: Plan;
  results: Results;
  run: FlowRun;
  scope: Scope;
  lookUp(step: string): Promise<string>;
}

interface Reading extends NamesOptions {
  onSecret(secret: string): void;
}

/** What the names in an expression stand for, each read at most once and only when it is asked for. */
export function createNames(options: NamesOptions): Names {
  const { db, vault, plan, run, scope, results, lookUp } = options;
  const secrets = new Set<string>();
  const onSecret = (secret: string): void => void secrets.add(secret);
  const reading: Reading = { db, vault, plan, results, run, scope, lookUp, onSecret };
  const read = new Map<string, Promise<string | undefined>>();
  const once = (key: string, load: () => Promise<string | undefined>): Promise<string | undefined> => {
    const known = read.get(key) ?? load();
    read.set(key, known);
    return known;
  };
  const previous = (): Promise<string> => results.read(run, scope.previous);
  return {
    workspace: run.job.workspace,
    steps: run.flow.modules.map(({ id }) => id),
    value: (name) => once(name, () => valueOf(reading, name, previous)),
    async result(step) {
      const isPrevious = step === scope.previousStep;
      return (await once(`results.${step}`, () => (isPrevious ? previous() : lookUp(step)))) ?? "null";
    },
    read: (request) => readOf(reading, request),
    secrets,
  };
}

async function readOf(
  { db, run, vault, onSecret }: Reading,
  { kind, argument }: HelperRequest,
): Promise<string | null> {
  const ctx = { vault, member: run.job.member, jobId: run.job.id, onSecret };
  const rootJob = rootOf(run.job);
  if (kind === "resource") {
    const value = await readResource(ctx, argument);
    return value && interpolate({ ...ctx, rootJob }, value, argument);
  }
  if (kind === "variable") {
    const value = await readVariable(ctx, argument);
    return value === null ? null : JSON.stringify(value);
  }
  const row = await db.maybe<{ value: string | null }>(
    sql`select (user_states -> ${argument}::text)::text as value from job_flow where id = ${rootJob}`,
  );
  return row?.value ?? "null";
}

async function valueOf(options: Reading, name: string, previous: () => Promise<string>): Promise<string | undefined> {
  const { run, scope, results } = options;
  switch (name) {
    case "flow_input":
      return unseal(options, run.job, await results.args(run, scope.iter));
    case "previous_result":
    case "result":
      return previous();
    case "error":
      return errorOf(await previous());
    case "flow_env":
      return environmentOf(options);
    case "params":
      return "{}";
    case "all_iters":
      return scope.allIters ? results.read(run, scope.allIters) : "null";
    case "resume":
    case "resumes":
    case "approvers":
      return approvals(options, name, scope.gate);
    case "WM_SCHEDULED_FOR":
      return JSON.stringify(run.job.scheduledFor?.toISOString() ?? null);
    case "flow_job_id":
      return scope.handler ? JSON.stringify(run.job.id) : undefined;
    case "previous_id":
      return scope.handler ? JSON.stringify(scope.handler.failedStep) : undefined;
    case "started_at":
      return scope.handler ? startOf(options) : undefined;
    default:
      return undefined;
  }
}

async function startOf({ db, run }: NamesOptions): Promise<string> {
  const row = await db.maybe<{ started_at: Date | null }>(
    sql`select started_at from job_queue where id = ${run.job.id}`,
  );
  return JSON.stringify(row?.started_at?.toISOString() ?? null);
}

async function environmentOf({ run, vault, onSecret }: Reading): Promise<string> {
  const text = JSON.stringify(run.flow.flow_env ?? {});
  const { member, id } = run.job;
  return interpolate({ vault, member, jobId: id, rootJob: rootOf(run.job), onSecret }, text, "flow_env");
}

/** The error behind a failed step's result; of a loop, the one there is or a word on how many there are. */
function errorOf(previous: string): string {
  const value: unknown = JSON.parse(previous);
  if (!Array.isArray(value)) return JSON.stringify(errorIn(value) ?? unknownError(value));
  const errors = value.map(errorIn).filter((error) => error !== undefined);
  if (errors.length === 1) return JSON.stringify(errors[0]);
  if (errors.length === 0) return JSON.stringify(unknownError(value));
  return JSON.stringify({ name: "MultipleErrors", message: `${errors.length} iterations or branches failed`, errors });
}

function errorIn(value: unknown): unknown {
  return typeof value === "object" && value !== null && "error" in value ? value.error : undefined;
}

function unknownError(value: unknown): object {
  return { name: "UnknownError", message: `The step failed without an error: ${JSON.stringify(value).slice(0, 200)}` };
}

async function approvals({ db, plan, run }: NamesOptions, name: string, gate: GateRef | null): Promise<string> {
  if (gate === null) return name === "approvers" ? "[]" : "null";
  if (name === "approvers") return JSON.stringify(gate.used.map(({ approver }) => approver ?? "anonymous"));
  const rows = await db.query<{ job: string; resume_id: number; payload: string | null }>(
    sql`select job, resume_id, payload from flow_resume where flow_job = ${run.job.id}`,
  );
  const payloads = new Map(rows.map((row) => [`${row.job} ${row.resume_id}`, row.payload]));
  for (const resume of plan.resumes) payloads.set(`${resume.job} ${resume.resumeId}`, resume.payload);
  const used = gate.used.map(({ job, resume_id }) => payloads.get(`${job} ${resume_id}`) ?? "null");
  if (gate.refused) used.push(JSON.stringify({ error: gate.refused }));
  return name === "resumes" ? `[${used.join(",")}]` : (used.at(-1) ?? "null");
}
