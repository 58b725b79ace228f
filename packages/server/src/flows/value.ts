import { bodyFlow, modulesIn, readFlow, type BodyAddress, type FlowValue } from "@towermill/openflow";
import { named, sql, type Queryable } from "@towermill/store";

interface Source {
  path: string | null;
  parent_job: string | null;
  raw_flow: string | null;
  deployed: string | null;
  body: BodyAddress | null;
}

/** Containers may be nested this deep. */
const deepest = 100;

/** Where a flow job's value is: with itself, in a deployed version, or in the value of the flow it is a part of. */
function sourceOf(db: Queryable, id: string): Promise<Source | undefined> {
  return db.maybe<Source>(
    named(
      "flow_source",
      sql`select j.script_path as path, j.parent_job, j.raw_flow, v.value as deployed, j.options->'flow'->'body' as body
        from job j left join flow_version v on j.raw_flow is null and j.script_hash ~ '^[0-9]{1,18}$'
          and v.id = case when j.script_hash ~ '^[0-9]{1,18}$' then j.script_hash::bigint end
        where j.id = ${id} and j.kind in ('flow', 'flowpreview', 'singlestepflow')`,
    ),
  );
}

async function valueOf(db: Queryable, id: string, depth = 0): Promise<FlowValue | null> {
  const source = depth < deepest ? await sourceOf(db, id) : undefined;
  if (!source) return null;
  if (source.body && source.parent_job !== null) {
    const outer = await valueOf(db, source.parent_job, depth + 1);
    return outer && bodyFlow(outer, source.body);
  }
  const text = source.raw_flow ?? source.deployed;
  return text === null ? null : readFlow(JSON.parse(text) as FlowValue);
}

/**
 * The value a flow job runs, as JSON text: as it was sent, or for an iteration or branch the part it is. `null` for a job
 * that is no flow, or whose version was deleted.
 */
export async function flowText(db: Queryable, id: string): Promise<string | null> {
  const source = await sourceOf(db, id);
  if (!source) return null;
  if (!source.body) return source.raw_flow ?? source.deployed;
  const value = await valueOf(db, id);
  return value && JSON.stringify(value);
}

/** The value a flow job runs, as the engine sees it. */
export function flowValueOf(db: Queryable, id: string): Promise<FlowValue | null> {
  return valueOf(db, id);
}

/**
 * Whether a flow has a step, addressed as in `b[12]/c`. A flow whose value is gone may have had any; so may those that steps
 * of it run.
 */
export async function hasStep(db: Queryable, id: string, address: string): Promise<boolean> {
  const value = await valueOf(db, id);
  if (value === null || address.includes("/")) return true;
  const name = address.replace(/\[\d+\]$/, "");
  return modulesIn(value).some((module) => module.id === name);
}
