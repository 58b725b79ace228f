import { ApiError, type Member } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import type { Caller } from "../identity/caller.ts";
import { contains, filterConditions, subsetFilter, type JobFilters, type Part } from "./filter.ts";
import { visibleJobs } from "./job-access.ts";
import { jobColumns, type JobRow } from "./job-row.ts";

export interface Listing {
  caller: Caller;
  member: Member;
  filters: JobFilters;
  part: Part;
  /** Without `per_page`. */
  perPage: number;
}

const tables: Record<Part, Sql> = {
  all: sql`job j left join job_queue q on q.id = j.id left join job_done d on d.id = j.id`,
  queue: sql`job_queue q join job j on j.id = q.id left join job_done d on false`,
  completed: sql`job j join job_done d on d.id = j.id left join job_queue q on false`,
};

/** Most jobs whose arguments or results are read for one list that filters by them. */
const scanLimit = 20_000;
const batchSize = 200;
/** Larger arguments and results (as stored, compressed) match no filter: reading them all would take too much memory. */
const largestCompared = 100_000;

/** The workspaces a list may cover. @throws ApiError when all are asked for and the caller may not */
export function workspaceCondition(
  { caller, member }: Pick<Listing, "caller" | "member">,
  all: boolean | undefined,
): Sql {
  if (!all) return sql`j.workspace_id = ${member.workspace}`;
  const isSuperAdmin = caller.kind === "account" && (caller.account.superAdmin || caller.account.devops);
  if (member.workspace !== "admins" || !isSuperAdmin) {
    throw new ApiError(
      "forbidden",
      "query.all_workspaces: only superadmins may use it, and only in the workspace admins",
    );
  }
  return sql`true`;
}

function conditions(listing: Listing): Sql {
  const { filters, part } = listing;
  const exists = part === "all" ? [sql`(q.id is not null or d.id is not null)`] : [];
  return sql.join(
    [
      workspaceCondition(listing, filters.all_workspaces),
      visibleJobs(listing),
      ...exists,
      ...filterConditions(filters, part),
    ],
    sql` and `,
  );
}

function order({ filters, part }: Listing): Sql {
  const byEnd =
    part === "completed" && (filters.completed_before !== undefined || filters.completed_after !== undefined);
  const ascending = filters.order_desc === false;
  if (byEnd) return ascending ? sql`d.completed_at, j.id` : sql`d.completed_at desc, j.id desc`;
  return ascending ? sql`j.created_at, j.id` : sql`j.created_at desc, j.id desc`;
}

interface Window {
  limit: number;
  offset: number;
}

function pageOf({ filters, perPage }: Listing): Window {
  const limit = filters.per_page ?? perPage;
  const page = Math.min(Math.max((filters.page ?? 1) - 1, 0), 1e9);
  return { limit, offset: page * limit };
}

function statement(listing: Listing, { columns, window }: { columns: Sql; window: Window }): Sql {
  return sql`select ${columns} from ${tables[listing.part]} where ${conditions(listing)} order by ${order(listing)}
    limit ${window.limit} offset ${window.offset}`;
}

interface Values {
  args: string | null;
  result: string | null;
}

function comparable(column: Sql): Sql {
  return sql`case when pg_column_size(${column}) <= ${largestCompared} then ${column} end`;
}

/**
 * Filters on arguments and results read the texts and compare here: they are `json`, which may hold what PostgreSQL
 * cannot compare (`\u0000`, numbers out of its range), and one such job must not break the list.
 */
async function scan<Row extends object>(db: Queryable, listing: Listing, columns: Sql): Promise<Row[]> {
  const wanted = {
    args: subsetFilter("args", listing.filters.args),
    result: subsetFilter("result", listing.filters.result),
  };
  const { limit, offset } = pageOf(listing);
  const found: Row[] = [];
  const matches = (text: string | null, part: unknown): boolean =>
    part === undefined || (text !== null && contains(JSON.parse(text), part));
  for (let at = 0; at < scanLimit && found.length < offset + limit; at += batchSize) {
    const batch = statement(listing, {
      columns: sql`${columns}, ${comparable(sql`j.args`)} as args, ${comparable(sql`d.result`)} as result`,
      window: { limit: batchSize, offset: at },
    });
    const rows = await db.query<Row & Values>(batch);
    found.push(...rows.filter((row) => matches(row.args, wanted.args) && matches(row.result, wanted.result)));
    if (rows.length < batchSize) break;
  }
  return found.slice(offset, offset + limit);
}

/** The statement of a list without filters on arguments or results. */
export function listStatement(listing: Listing, columns: Sql = jobColumns): Sql {
  return statement(listing, { columns, window: pageOf(listing) });
}

async function select<Row extends object>(db: Queryable, listing: Listing, columns: Sql): Promise<Row[]> {
  if (listing.filters.args || listing.filters.result) return scan<Row>(db, listing, columns);
  return db.query<Row>(listStatement(listing, columns));
}

/** Jobs in the order of the list, newest first, without their large parts. */
export function listRows(db: Queryable, listing: Listing): Promise<JobRow[]> {
  return select<JobRow>(db, listing, jobColumns);
}

export async function listIds(db: Queryable, listing: Listing): Promise<string[]> {
  const rows = await select<{ id: string }>(db, listing, sql`j.id`);
  return rows.map((row) => row.id);
}

/** Jobs that wait: due or not yet, and those suspended. */
export function countQueue(
  db: Queryable,
  who: Pick<Listing, "caller" | "member">,
  all: boolean | undefined,
): Promise<{ database_length: number; suspended: number }> {
  return db.one(sql`
    select count(*) filter (where suspend_until is null)::int as database_length,
      count(*) filter (where suspend_until is not null)::int as suspended
    from job_queue j where not running and ${workspaceCondition(who, all)}`);
}

/** @param wanted conditions on the aliases `d` and `j` */
export async function countCompleted(db: Queryable, wanted: readonly Sql[]): Promise<number> {
  const row = await db.one<{ count: number }>(sql`select count(*)::int as count
    from job_done d join job j on j.id = d.id where ${sql.join(wanted, sql` and `)}`);
  return row.count;
}
