import { ApiError, notFound, type variablesOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { CipherError, readVariable, type Vault } from "@towermill/vault";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf, requireReadable, scopesOf } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { startsWith, visible } from "../http/visibility.ts";
import { readSetting } from "../identity/workspace-settings.ts";
import type { Services } from "../services.ts";
import { draftAlone, draftOverlay, withOverlay, type DraftOverlay } from "./drafts-overlay.ts";
import { openDraft } from "./drafts-secret.ts";
import { contextualVariables } from "./variables-contextual.ts";
import { listedVariable, variableColumns, type ListedVariable, type VariableRow } from "./variables-row.ts";
import { encryptionKeyHandlers } from "./variables-key.ts";
import { variableWrites } from "./variables-write.ts";

type Ops = typeof variablesOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

/** Operators run things that use secrets; only their jobs see them. */
function requireMayDecrypt({ caller, member }: Pick<CallOf<"getVariable">, "caller" | "member">, path: string): void {
  if (caller.kind !== "job" && member.isOperator && !member.isAdmin) {
    throw new ApiError(
      "forbidden",
      `Variable ${path} is secret: operators cannot read it, only the jobs they start can`,
    );
  }
}

async function decrypted(
  vault: Vault,
  { caller, member }: Pick<CallOf<"getVariable">, "caller" | "member">,
  path: string,
): Promise<string> {
  const jobId = caller.kind === "job" ? { jobId: caller.jobId } : {};
  try {
    const value = await readVariable({ vault, member, scopes: scopesOf(caller), ...jobId }, path);
    if (value === null) throw notFound("Variable", path);
    return value;
  } catch (error) {
    if (error instanceof CipherError) throw new ApiError("bad_request", error.message);
    throw error;
  }
}

async function shownValue(vault: Vault, call: CallOf<"getVariable">, row: VariableRow): Promise<string | undefined> {
  if (!row.is_secret) return row.value;
  if (call.query.decrypt_secret ?? true) {
    requireMayDecrypt(call, row.path);
    return decrypted(vault, call, row.path);
  }
  return call.query.include_encrypted ? row.value : undefined;
}

/** The overlay with the value in one's own draft of a secret opened. */
async function openedOverlay(
  vault: Vault,
  { member }: CallOf<"getVariable">,
  overlay: DraftOverlay,
): Promise<DraftOverlay> {
  if (overlay.own === null) return overlay;
  const own = await openDraft(vault, member.workspace, { kind: "variable", value: overlay.own });
  return { own, members: { ...overlay.members, draft: own } };
}

function readers({ db, vault, clock, baseUrl }: Services) {
  const find = ({
    member,
    params,
  }: Pick<CallOf<"getVariable">, "member" | "params">): Promise<VariableRow | undefined> =>
    db.maybe<VariableRow>(
      sql`select ${variableColumns} from variable v where v.workspace_id = ${member.workspace} and v.path = ${params.path}`,
    );
  const readable = async (call: Pick<CallOf<"getVariable">, "member" | "params" | "caller">): Promise<VariableRow> => {
    const row = await find(call);
    if (!row) throw notFound("Variable", call.params.path);
    requireReadable(call, { domain: "variables", kind: "Variable", path: row.path, acl: row.extra_perms });
    return row;
  };
  return {
    async getVariable(call: CallOf<"getVariable">) {
      const place = { kind: "variable", path: call.params.path };
      const overlay = call.query.get_draft
        ? await openedOverlay(vault, call, await draftOverlay(db, call.member, place))
        : null;
      if (overlay?.own && !(await find(call))) return jsonText(draftAlone(place.path, overlay.own, overlay.members));
      const row = await readable(call);
      const found = listedVariable(row, await shownValue(vault, call, row), clock.now());
      return overlay ? jsonText(withOverlay(JSON.stringify(found), overlay.members)) : found;
    },
    async getVariableValue(call: CallOf<"getVariableValue">) {
      const row = await readable(call);
      if (!row.is_secret) return row.value;
      requireMayDecrypt(call, row.path);
      return decrypted(vault, call, row.path);
    },
    async existsVariable({ params, member, caller }: CallOf<"existsVariable">) {
      const shown = visible(member, patternsOf(caller, "variables"), { path: sql`path`, extraPerms: sql`extra_perms` });
      const where = sql`workspace_id = ${member.workspace} and path = ${params.path}`;
      return (await db.maybe(sql`select 1 from variable where ${where} and ${shown}`)) !== undefined;
    },
    async listVariable(call: CallOf<"listVariable">) {
      const rows = await db.query<VariableRow>(listStatement(call));
      const found = rows.map((row) => listedVariable(row, row.is_secret ? undefined : row.value, clock.now()));
      return call.query.include_draft_only ? [...found, ...(await draftsAlone(call, db))] : found;
    },
    async listContextualVariables({ member }: CallOf<"listContextualVariables">) {
      const custom = await readSetting(db, member.workspace, "environment_variables");
      return contextualVariables(member, baseUrl, (custom ?? {}) as Record<string, string>);
    },
  };
}

function listStatement({ member, caller, query }: CallOf<"listVariable">) {
  const contains = (column: string, text: string | undefined) =>
    text === undefined ? sql.empty : sql`and position(lower(${text}) in lower(${sql.ident(column)})) > 0`;
  return sql`
    select ${variableColumns} from variable v
    where v.workspace_id = ${member.workspace}
      and ${visible(member, patternsOf(caller, "variables"), { path: sql`v.path`, extraPerms: sql`v.extra_perms` })}
      ${query.path === undefined ? sql.empty : sql`and v.path = ${query.path}`}
      ${query.path_start === undefined ? sql.empty : sql`and ${startsWith(sql`v.path`, query.path_start)}`}
      ${contains("v.description", query.description)}
      ${query.value === undefined ? sql.empty : sql`and not v.is_secret ${contains("v.value", query.value)}`}
      ${
        query.broad_filter === undefined
          ? sql.empty
          : sql`and position(lower(${query.broad_filter}) in
              lower(v.path || ' ' || v.description || case when v.is_secret then '' else ' ' || v.value end)) > 0`
      }
      ${query.label === undefined ? sql.empty : sql`and ${query.label} = any(v.labels)`}
    order by v.path ${limitTo(query)}`;
}

async function draftsAlone({ member }: CallOf<"listVariable">, db: Services["db"]): Promise<ListedVariable[]> {
  const rows = await db.query<{ path: string }>(sql`
    select d.path from draft d
    where d.workspace_id = ${member.workspace} and d.kind = 'variable' and d.email = ${member.email}
      and not exists (select 1 from variable v where v.workspace_id = d.workspace_id and v.path = d.path)
    order by d.path`);
  const fields = { workspace_id: member.workspace, is_secret: false, is_oauth: false, extra_perms: {} };
  return rows.map(({ path }) => ({ ...fields, path, draft_only: true, is_draft: true }));
}

/** Variables. Secrets are decrypted only when asked for, and each time that is audited. */
export function variablesHandlers(services: Services): Handlers<Ops> {
  return { ...readers(services), ...variableWrites(services), ...encryptionKeyHandlers(services) };
}
