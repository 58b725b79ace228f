import { ApiError, notFound, type Member, type workspaceOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { emailOf, isSuperAdmin, wholeAccountOf } from "../identity/actor.ts";
import { audit } from "../identity/audit.ts";
import type { Caller } from "../identity/caller.ts";
import { seesWorkspace, visibleWorkspaces } from "../identity/visible-workspaces.ts";
import { changeSettings } from "../identity/workspace-settings.ts";
import { archiveWorkspace, createWorkspace, deleteWorkspace, renameWorkspace } from "../identity/workspace.ts";
import { workspaceTables } from "../identity/workspace-tables.ts";
import { wsSpecificItems } from "../identity/ws-specific.ts";
import type { Services } from "../services.ts";

interface WorkspaceRow {
  id: string;
  name: string;
  owner: string;
  color: string | null;
  parent_workspace_id: string | null;
  deleted?: boolean;
}

function shown({ id, name, owner, color, parent_workspace_id, deleted }: WorkspaceRow) {
  return {
    id,
    name,
    owner,
    ...(color === null ? {} : { color }),
    ...(parent_workspace_id === null ? {} : { parent_workspace_id }),
    ...(deleted === undefined ? {} : { deleted }),
  };
}

const columns = sql`id, name, owner, color, parent_workspace_id, deleted`;

/** Making and renaming workspaces is for super admins, unless the instance setting says that it is for everybody. */
async function requireMaker({ db }: Services, caller: Caller): Promise<void> {
  if (isSuperAdmin(caller)) return;
  const row = await db.maybe<{ value: unknown }>(
    sql`select value from global_setting where name = 'create_workspace_require_superadmin'`,
  );
  if (row?.value !== false) throw new ApiError("forbidden", "Only super admins may do this on this instance");
}

async function mayDelete(
  { db }: Services,
  caller: Caller,
  { id, onlyForks }: { id: string; onlyForks: boolean },
): Promise<void> {
  const row = await db.maybe<{ owner: string; fork: boolean }>(
    sql`select owner, (parent_workspace_id is not null or starts_with(id, 'wm-fork-')) as fork from workspace where id = ${id}`,
  );
  const { account } = wholeAccountOf(caller);
  const permitted = account.superAdmin || (row?.fork && row.owner === account.email);
  if (!permitted) throw new ApiError("forbidden", `Only super admins may delete ${id}, or its owner when it is a fork`);
  if (!row) throw notFound("Workspace", id);
  if (onlyForks && !row.fork) throw new ApiError("bad_request", `The workspace ${id} is not a fork`);
}

const triggers = ["websocket", "kafka", "nats", "postgres", "mqtt", "amqp", "gcp", "azure", "sqs", "email"];

async function usedTriggers({ db }: Services, workspace: string): Promise<Record<string, boolean>> {
  const tables = new Set((await workspaceTables(db)).map((table) => table.name));
  const uses = async (kind: string): Promise<boolean> => {
    const table = `${kind}_trigger`;
    if (!tables.has(table)) return false;
    return (
      (await db.maybe(sql`select from ${sql.ident(table)} where workspace_id = ${workspace} limit 1`)) !== undefined
    );
  };
  const used: Record<string, boolean> = { http_routes_used: await uses("http") };
  for (const kind of triggers) used[`${kind}_used`] = await uses(kind);
  return { ...used, nextcloud_used: false, google_used: false, github_used: false };
}

async function usageOf({ db }: Services, workspace: string): Promise<number> {
  const { used } = await db.one<{ used: number }>(sql`
    select count(*)::int as used from job where workspace_id = ${workspace} and created_at >= date_trunc('month', now())`);
  return used;
}

/** Answers that only read. */
function readers(services: Services) {
  const { db } = services;
  return {
    existsWorkspace: ({ caller, body }) => seesWorkspace(db, caller, body.id),
    async existsUsername({ caller, body }) {
      const invited = sql`select from workspace_invite where workspace_id = ${body.id} and email = ${emailOf(caller)}`;
      const mayAsk = (await seesWorkspace(db, caller, body.id)) || (await db.maybe(invited)) !== undefined;
      if (!mayAsk) return false;
      const taken = sql`select from member where workspace_id = ${body.id} and username = ${body.username}`;
      return (await db.maybe(taken)) !== undefined;
    },
    listWorkspaces: async ({ caller }) => (await visibleWorkspaces(db, caller)).map(shown),
    async listUserWorkspaces({ caller }) {
      const workspaces = (await visibleWorkspaces(db, caller)).map((row) => ({
        id: row.id,
        name: row.name,
        username: row.username,
        color: row.color ?? "",
        operator_settings: row.operator_settings ?? undefined,
        ...(row.parent_workspace_id === null ? {} : { parent_workspace_id: row.parent_workspace_id }),
        is_dev_workspace: false,
        created_by: row.owner,
        disabled: false,
      }));
      return { email: emailOf(caller), workspaces };
    },
    async listWorkspacesAsSuperAdmin({ caller, query }) {
      wholeAccountOf(caller);
      const rows = await db.query<WorkspaceRow>(sql`select ${columns} from workspace order by id ${limitTo(query)}`);
      return rows.map(shown);
    },
    async getWorkspaceAsSuperAdmin({ params }) {
      const row = await db.maybe<WorkspaceRow>(sql`select ${columns} from workspace where id = ${params.workspace}`);
      if (!row) throw notFound("Workspace", params.workspace);
      return shown(row);
    },
    async getWorkspaceName({ params }) {
      const row = await db.maybe<{ name: string }>(sql`select name from workspace where id = ${params.workspace}`);
      if (!row) throw notFound("Workspace", params.workspace);
      return row.name;
    },
    getIsPremium: async () => false,
    getWorkspaceUsage: ({ params }) => usageOf(services, params.workspace),
    getUsedTriggers: ({ params }) => usedTriggers(services, params.workspace),
    listWsSpecific: ({ caller, member }) => wsSpecificItems(db, caller, member),
  } satisfies Partial<Handlers<typeof workspaceOperations>>;
}

export function workspaceHandlers(services: Services): Handlers<typeof workspaceOperations> {
  const { db } = services;
  const change = async (member: Member, column: "name" | "color", value: string | null): Promise<void> => {
    const { workspace, username } = member;
    await db.execute(sql`update workspace set ${sql.ident(column)} = ${value} where id = ${workspace}`);
    await audit(db, {
      workspace,
      username,
      operation: "workspaces.update",
      actionKind: "Updated",
      resource: workspace,
      parameters: { [column]: value },
    });
  };
  return {
    ...readers(services),
    async createWorkspace({ caller, body }) {
      const { account } = wholeAccountOf(caller);
      await requireMaker(services, caller);
      await createWorkspace(services, body, account.email);
      return `Created workspace ${body.id}`;
    },
    async archiveWorkspace({ member, params }) {
      await archiveWorkspace(services, { id: params.workspace, archived: true, by: member.username });
      return `Archived workspace ${params.workspace}`;
    },
    async unarchiveWorkspace({ caller, params }) {
      await archiveWorkspace(services, {
        id: params.workspace,
        archived: false,
        by: wholeAccountOf(caller).account.email,
      });
      return `Unarchived workspace ${params.workspace}`;
    },
    async deleteWorkspace({ caller, params, query }) {
      await mayDelete(services, caller, { id: params.workspace, onlyForks: query.only_delete_forks === true });
      await deleteWorkspace(services, params.workspace, emailOf(caller));
      return `Deleted workspace ${params.workspace}`;
    },
    async changeWorkspaceId({ caller, member, params, body }) {
      wholeAccountOf(caller);
      await requireMaker(services, caller);
      const newName = body.new_name ?? null;
      await renameWorkspace(services, { id: params.workspace, newId: body.new_id, newName, by: member.username });
      return `updated workspace from ${params.workspace} to ${body.new_id}`;
    },
    async changeWorkspaceName({ member, body }) {
      await change(member, "name", body.new_name);
      return `updated workspace name to ${body.new_name}`;
    },
    async changeWorkspaceColor({ member, body }) {
      await change(member, "color", body.color ?? null);
      return "updated workspace color";
    },
    async updateOperatorSettings({ member, body }) {
      await changeSettings(services, member, { operator_settings: body ?? null });
      return "operator settings updated";
    },
  };
}
