import { notFound, type Member } from "@towermill/contract";
import type { Queryable } from "@towermill/store";
import { requireReadable, requireWritable } from "../http/item.ts";
import type { Caller } from "../identity/caller.ts";
import { headAt, newestAt, versionOf, type ScriptRow } from "./row.ts";

interface Who {
  caller: Caller;
  member: Member;
}

function item(row: ScriptRow) {
  return { domain: "scripts", kind: "Script", path: row.path, acl: row.extra_perms } as const;
}

function readable(who: Who, row: ScriptRow | undefined, name: string): ScriptRow {
  if (!row) throw notFound("Script", name);
  requireReadable(who, item(row));
  return row;
}

/** The script at a path, the newest archived one when none is deployed. @throws ApiError `not_found` */
export async function readableAt(db: Queryable, who: Who, path: string): Promise<ScriptRow> {
  return readable(who, await newestAt(db, who.member.workspace, path), path);
}

/** The deployed script at a path. @throws ApiError `not_found` */
export async function deployedAt(db: Queryable, who: Who, path: string): Promise<ScriptRow> {
  return readable(who, await headAt(db, who.member.workspace, path), path);
}

/** One version, whatever became of it. @throws ApiError `not_found`, also when its path may not be read */
export async function readableVersion(db: Queryable, who: Who, hash: string): Promise<ScriptRow> {
  const row = await versionOf(db, who.member.workspace, hash);
  if (!row) throw notFound("Script", hash);
  requireReadable(who, { ...item(row), asked: { kind: "Script", name: hash } });
  return row;
}

/** @throws ApiError unless the caller may change the script */
export function requireScriptWritable(who: Who, row: ScriptRow): void {
  requireWritable(who, item(row));
}
