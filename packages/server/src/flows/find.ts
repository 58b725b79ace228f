import { notFound, type Member } from "@towermill/contract";
import type { Queryable } from "@towermill/store";
import { requireReadable, requireWritable } from "../http/item.ts";
import type { Caller } from "../identity/caller.ts";
import { flowAt, versionOf, type FlowRow, type VersionRow } from "./row.ts";

export interface Who {
  caller: Caller;
  member: Member;
}

function item(row: FlowRow) {
  return { domain: "flows", kind: "Flow", path: row.path, acl: row.extra_perms } as const;
}

/** The flow at a path, archived or not. @throws ApiError `not_found` */
export async function readableFlow(db: Queryable, who: Who, path: string): Promise<FlowRow> {
  const row = await flowAt(db, who.member.workspace, path);
  if (!row) throw notFound("Flow", path);
  requireReadable(who, item(row));
  return row;
}

/** One version, with the flow it belongs to. @throws ApiError `not_found`, also when its path may not be read */
export async function readableFlowVersion(
  db: Queryable,
  who: Who,
  version: number,
): Promise<{ flow: FlowRow; version: VersionRow }> {
  const name = String(version);
  const found = await versionOf(db, who.member.workspace, version);
  if (!found) throw notFound("Flow version", name);
  try {
    return { flow: await readableFlow(db, who, found.path), version: found };
  } catch {
    throw notFound("Flow version", name);
  }
}

/** @throws ApiError unless the caller may change the flow */
export function requireFlowWritable(who: Who, row: FlowRow): void {
  requireWritable(who, item(row));
}
