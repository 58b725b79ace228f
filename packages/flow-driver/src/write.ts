import { claimedJobsFrom, type ClaimedJob } from "@towermill/queue";
import { errorCode, namedOnce, sql, type Database, type Queryable, type Sql } from "@towermill/store";
import type { Plan } from "./plan.ts";
import {
  claimClauses,
  endClauses,
  flowClauses,
  historyClauses,
  holdClauses,
  itemClauses,
  orderAfter,
  type Answer,
  type Clause,
} from "./write-clauses.ts";
import { jobClauses } from "./write-jobs.ts";
import { writeRest } from "./write-rest.ts";

/** What a plan's commit found. */
export interface Written {
  /** Jobs that the plan claimed besides its own. */
  claimed: ClaimedJob[];
  /** Concurrency keys that became free, once for each run. */
  freed: string[];
}

/** Why a plan was not written: nothing of it was. */
export type Refusal = "moved" | "fenced";

/** `moved`: another was faster with a flow; `fenced`: a job is not any more what the plan took it for. */
export function refusalOf(error: unknown): Refusal | null {
  const code = errorCode(error);
  if (code === "TM001" || code === "23505") return "moved";
  return code === "TM002" ? "fenced" : null;
}

/**
 * Writes a plan in one commit: nearly always one statement, with a few more in one transaction where
 * approvals come or a run is taken up again. It writes all or nothing: see {@link refusalOf}.
 */
export async function writePlan(db: Database, plan: Plan, phrased: Phrased = phrase(plan)): Promise<Written> {
  if (!hasRest(plan)) return writeMain(db, plan, phrased);
  return db.transaction(async (tx) => {
    const written = await writeMain(tx, plan, phrased);
    await writeRest(tx, plan);
    return written;
  });
}

/** Whether it is written in one statement that only few rows make. */
export function isPlainMove(plan: Plan): boolean {
  return !hasRest(plan) && isSmall(plan) && plan.claim === null && plan.notes.length === 0;
}

function hasRest({ adopted, resumes, recorded, args, early, wiped, kept }: Plan): boolean {
  return [adopted, resumes, recorded, args, early, wiped, kept].some((part) => part.length > 0);
}

/** The clauses of a plan's statement before and after those of what ends, which may not be known yet. */
export interface Phrased {
  before: readonly Clause[];
  after: readonly Clause[];
}

/** @param plan may still change in what ends, not in how many jobs do */
export function phrase(plan: Plan): Phrased {
  const few = isSmall(plan);
  const order = orderAfter(plan.flows, few);
  const { flows, held, jobs, items, claim } = plan;
  return {
    before: flowClauses(flows, few),
    after: [
      ...holdClauses(held, { order, few }),
      ...jobClauses(jobs, few),
      ...historyClauses(plan, few),
      ...itemClauses(items),
      ...claimClauses(claim),
    ],
  };
}

async function writeMain(db: Queryable, plan: Plan, { before, after }: Phrased): Promise<Written> {
  const few = isSmall(plan);
  const ends = endClauses(plan.ends, { order: orderAfter(plan.flows, few), few });
  const clauses = [...before, ...ends, ...after];
  if (clauses.length === 0) return { claimed: [], freed: [] };
  const row = await db.one<{ claimed?: string | null; freed?: string[] | null }>(statementOf(clauses));
  const claimed = claimedJobsFrom(row.claimed ?? null, plan.claim?.secrets ?? []);
  return { claimed, freed: row.freed ?? [] };
}

/**
 * What one step of one flow needs, or the end of a body and the beginning of the next. Every number of rows makes a
 * statement of its own, which each connection keeps: there must not be many.
 */
function isSmall({ flows, ends, held, jobs, children, events }: Plan): boolean {
  return [ends, held, jobs, children].every((rows) => rows.length <= 2) && flows.length <= 3 && events.length <= 8;
}

/**
 * One statement out of the clauses that the plan has rows for: each costs PostgreSQL something even when it is empty. Its
 * name says which they are.
 */
function statementOf(clauses: readonly Clause[]): Sql {
  let name = "flow_move_";
  const values: unknown[] = [];
  const answers: Answer[] = [];
  for (const clause of clauses) {
    name += clause.letter;
    for (const value of clause.values) values.push(value);
    if (clause.answer) answers.push(clause.answer);
  }
  for (const answer of answers) for (const value of answer.values) values.push(value);
  return namedOnce(name, values, () => {
    const parts = sql.join(clauses.map((clause) => clause.text()));
    const columns = sql.join([sql`true as written`, ...answers.map((answer) => answer.text())]);
    const sources = answers.flatMap(({ from }) => from ?? []);
    return sql`with ${parts} select ${columns}${sources.length > 0 ? sql` from ${sql.join(sources)}` : sql.empty}`;
  });
}
