import type { FlowValue } from "@towermill/openflow";
import { sql, type Queryable } from "@towermill/store";
import { placed, type Placed } from "./address.ts";
import { flowTree } from "./tree.ts";
import { flowValueOf } from "./value.ts";

export interface FlowRecord extends Placed {
  /** The fields that say where the job is, under the API's names. */
  place: {
    job_id: string;
    label: string;
    kind: string;
    flow_step_id?: string;
    step_path?: string;
    depth: number;
    parent_module_type?: string;
    sibling_index: number;
    sibling_count: number;
  };
}

/** Flow jobs whose values are looked at for labels; in a large tree most are iterations with the same steps. */
const mostValues = 200;

/** All jobs of a flow's run, depth first, with where they are. */
export async function flowRecords(db: Queryable, root: string): Promise<{ records: FlowRecord[]; truncated: boolean }> {
  const { jobs, truncated } = await flowTree(db, root);
  const parents = [...new Set(jobs.flatMap(({ parent }) => (parent === null ? [] : [parent])))].slice(0, mostValues);
  const values = new Map<string, FlowValue | null>();
  for (const parent of parents) values.set(parent, await flowValueOf(db, parent).catch(() => null));
  const records = placed(jobs, values).map((at): FlowRecord => {
    const { job, address, label, parentType, siblingIndex, siblingCount } = at;
    return {
      ...at,
      place: {
        job_id: job.id,
        label,
        kind: job.kind,
        ...(job.leaf === null ? {} : { flow_step_id: job.leaf }),
        ...(address === null ? {} : { step_path: address }),
        depth: job.depth,
        ...(parentType === null ? {} : { parent_module_type: parentType }),
        sibling_index: siblingIndex,
        sibling_count: siblingCount,
      },
    };
  });
  return { records, truncated };
}

const batchSize = 500;

/** Characters that one answer about a whole flow holds at most; what is beyond is left out. */
export const mostText = 20_000_000;
const chunkText = 4_000_000;

/** Groups of ids whose texts are read together, as far as all of them are not too much. */
function chunks(ids: readonly string[], lengths: ReadonlyMap<string, number>): string[][] {
  const found: string[][] = [];
  let chunk: string[] = [];
  let [total, size] = [0, 0];
  for (const id of ids) {
    const length = lengths.get(id) ?? 0;
    if (length === 0 || total + length > mostText) continue;
    if (chunk.length === batchSize || size + length > chunkText) {
      found.push(chunk);
      [chunk, size] = [[], 0];
    }
    chunk.push(id);
    total += length;
    size += length;
  }
  return [...found, chunk];
}

/** Logs by job id; of each job at most `limit` characters from its beginning, of all together at most {@link mostText}. */
export async function logsOf(db: Queryable, ids: readonly string[], limit: number): Promise<Map<string, string>> {
  const lengths = new Map<string, number>();
  for (let at = 0; at < ids.length; at += batchSize) {
    const rows = await db.query<{ job_id: string; length: number }>(sql`
      select job_id, least(sum(length(text)), ${limit})::int as length from job_log
      where job_id = any(${ids.slice(at, at + batchSize)}::uuid[]) group by job_id`);
    for (const row of rows) lengths.set(row.job_id, row.length);
  }
  const logs = new Map<string, string>();
  for (const chunk of chunks(ids, lengths)) {
    const rows = await db.query<{ job_id: string; log: string }>(sql`
      select job_id, left(string_agg(text, '' order by position), ${limit}) as log from job_log
      where job_id = any(${chunk}::uuid[]) group by job_id`);
    for (const row of rows) logs.set(row.job_id, row.log);
  }
  return logs;
}

export interface ResultPart {
  prefix: string;
  length: number;
}

/** Beginning and length of results by job id. */
export async function resultsOf(
  db: Queryable,
  ids: readonly string[],
  limit: number,
): Promise<Map<string, ResultPart>> {
  const results = new Map<string, ResultPart>();
  for (let at = 0; at < ids.length; at += batchSize) {
    const rows = await db.query<{ id: string; prefix: string; length: number }>(sql`
      select id, left(result::text, ${limit}) as prefix, length(result::text) as length from job_done
      where id = any(${ids.slice(at, at + batchSize)}::uuid[]) and result is not null`);
    for (const { id, prefix, length } of rows) results.set(id, { prefix, length });
  }
  return results;
}
