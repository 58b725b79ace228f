import type { Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Services } from "../services.ts";
import { audit } from "./audit.ts";

/** Settings that are kept with the others but are no part of what `get_settings` answers. */
const internal = ["shared_ui", "environment_variables"];

/** What only admins may read: keys of other systems, and addresses that are as good as keys. */
const secret = ["slack_oauth_client_secret", "webhook", "ai_config", "git_sync", "customer_id"];

/** Settings of a workspace under the API's own names; unset ones are absent. */
export async function readSettings(db: Queryable, member: Member): Promise<Record<string, unknown>> {
  const hidden = member.isAdmin ? internal : [...internal, ...secret];
  const row = await db.one<{ settings: Record<string, unknown>; color: string | null }>(
    sql`select settings - ${hidden}::text[] as settings, color from workspace where id = ${member.workspace}`,
  );
  return { workspace_id: member.workspace, ...row.settings, ...(row.color === null ? {} : { color: row.color }) };
}

/** One setting; `undefined` when it is not set. */
export async function readSetting(db: Queryable, workspace: string, name: string): Promise<unknown> {
  const row = await db.maybe<{ value: unknown }>(
    sql`select settings -> ${name}::text as value from workspace where id = ${workspace}`,
  );
  return row?.value ?? undefined;
}

function isUnset(value: unknown): boolean {
  return value === null || value === undefined || value === "";
}

/** From now on what ends in the workspace is told to its handlers; what ended before is not. */
async function watchEnds(tx: Queryable, workspace: string): Promise<void> {
  await tx.execute(sql`insert into handler_watch (workspace_id) values (${workspace}) on conflict do nothing`);
}

export interface SettingsChange {
  /** New values by name; null, undefined and "" unset. */
  [name: string]: unknown;
}

/** Sets and unsets settings in one statement; the audit names them without their values, which may be secret. */
export async function changeSettings({ db, bus }: Services, member: Member, change: SettingsChange): Promise<void> {
  const { workspace, username } = member;
  const names = Object.keys(change);
  const set = Object.fromEntries(Object.entries(change).filter(([, value]) => !isUnset(value)));
  await db.transaction(async (tx) => {
    await tx.execute(sql`
      update workspace set settings = (settings - ${names}::text[]) || ${sql.json(set)}::jsonb where id = ${workspace}`);
    if ("error_handler" in set || "success_handler" in set) await watchEnds(tx, workspace);
    await audit(tx, {
      workspace,
      username,
      operation: "workspaces.update",
      actionKind: "Updated",
      resource: workspace,
      parameters: { settings: names },
    });
  });
  bus.publish("changed", [`workspace:${workspace}`]);
}
