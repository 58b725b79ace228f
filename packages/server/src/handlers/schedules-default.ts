import { jsonMembers, jsonObject, type schedulesOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Call } from "../http/call.ts";
import { requireSearchable } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { requireHandlers } from "./schedules-check.ts";

type DefaultCall = Call<Extract<(typeof schedulesOperations)[number], { id: "setDefaultErrorOrRecoveryHandler" }>>;
type Body = DefaultCall["body"];

const fieldOf = { error: "on_failure", recovery: "on_recovery", success: "on_success" } as const;

/** What Windmill's UI reads back as the offer for new schedules, under the names it reads. */
function offerOf(body: Body): Record<string, unknown> {
  const { path, extra_args, number_of_occurence: times } = body;
  if (body.handler_type === "recovery")
    return { recoveryHandlerPath: path, recoveryHandlerExtraArgs: extra_args, recoveredTimes: times };
  if (body.handler_type === "success") return { successHandlerPath: path, successHandlerExtraArgs: extra_args };
  return {
    wsErrorHandlerMuted: body.workspace_handler_muted,
    errorHandlerPath: path,
    errorHandlerExtraArgs: extra_args,
    failedTimes: times,
    failedExact: body.number_of_occurence_exact,
  };
}

/** The options that the handler sets on a schedule; `null` unsets. */
function optionsOf(body: Body): Record<string, unknown> {
  const field = fieldOf[body.handler_type];
  const set = { [field]: body.path || null, [`${field}_extra_args`]: body.extra_args ?? null };
  if (body.handler_type === "success") return set;
  const counted = { ...set, [`${field}_times`]: body.number_of_occurence ?? null };
  if (body.handler_type === "recovery") return counted;
  return {
    ...counted,
    on_failure_exact: body.number_of_occurence_exact ?? null,
    ws_error_handler_muted: body.workspace_handler_muted ?? null,
  };
}

async function overrideAll(tx: Queryable, workspace: string, set: Record<string, unknown>): Promise<void> {
  const rows = await tx.query<{ path: string; options: string }>(
    sql`select path, options from schedule where workspace_id = ${workspace} order by path for update`,
  );
  for (const { path, options } of rows) {
    const members = jsonMembers(options);
    for (const [name, value] of Object.entries(set)) {
      if (value === null) members.delete(name);
      else members.set(name, JSON.stringify(value));
    }
    await tx.execute(
      sql`update schedule set options = ${jsonObject(members)} where workspace_id = ${workspace} and path = ${path}`,
    );
  }
}

/** Keeps a handler as the workspace's default, and sets it on all schedules when asked to. */
export async function setDefaultHandler({ db }: Services, { member, body }: DefaultCall): Promise<void> {
  const { workspace, username } = member;
  requireSearchable(body.extra_args, "body.extra_args");
  const name = `default_${body.handler_type}_handler_${workspace}`;
  await db.transaction(async (tx) => {
    await requireHandlers(tx, member, { [fieldOf[body.handler_type]]: body.path });
    if (body.path) {
      await tx.execute(sql`insert into global_setting (name, value) values (${name}, ${sql.json(offerOf(body))})
        on conflict (name) do update set value = excluded.value`);
    } else await tx.execute(sql`delete from global_setting where name = ${name}`);
    if (body.override_existing) await overrideAll(tx, workspace, optionsOf(body));
    await audit(tx, {
      workspace,
      username,
      operation: "schedule.setdefaulthandler",
      actionKind: "Updated",
      resource: body.handler_type,
    });
  });
}
