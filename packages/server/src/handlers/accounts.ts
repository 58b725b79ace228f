import { notFound, type accountOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { createAccount, deleteAccount, renameAccount, updateAccount } from "../identity/account.ts";
import { boundWorkspace, emailOf, isSuperAdmin, unrestrictedAccountOf, wholeAccountOf } from "../identity/actor.ts";
import { runnablesOf } from "../identity/runnables.ts";
import type { Services } from "../services.ts";

interface AccountRow {
  email: string;
  login_type: string;
  super_admin: boolean;
  devops: boolean;
  verified: boolean;
  disabled: boolean;
  first_time_user: boolean;
  name: string | null;
  company: string | null;
  username: string | null;
  operator_only: boolean;
}

function infoOf(row: AccountRow) {
  return {
    email: row.email,
    login_type: row.login_type,
    super_admin: row.super_admin,
    ...(row.devops ? { devops: true } : {}),
    verified: row.verified,
    ...(row.name === null ? {} : { name: row.name }),
    ...(row.company === null ? {} : { company: row.company }),
    ...(row.username === null ? {} : { username: row.username }),
    operator_only: row.operator_only,
    first_time_user: row.first_time_user,
    role_source: "manual" as const,
    disabled: row.disabled,
  };
}

const columns = sql`a.email, a.login_type, a.super_admin, a.devops, a.verified, a.disabled, a.first_time_user, a.name,
  a.company, a.username, coalesce((select bool_and(m.operator) from member m where m.email = a.email), false) as operator_only`;

/** Jobs since the start of the month that an account started, in the workspaces it is in. */
async function usageOf({ db }: Services, email: string): Promise<number> {
  const { used } = await db.one<{ used: number }>(sql`
    select count(*)::int as used from job
    where workspace_id in (select workspace_id from member where email = ${email})
      and created_at >= date_trunc('month', now()) and email = ${email}`);
  return used;
}

type Changes = "createUserGlobally" | "globalUserUpdate" | "globalUserRename" | "globalUserDelete";

function changes(services: Services): Pick<Handlers<typeof accountOperations>, Changes> {
  return {
    async createUserGlobally({ caller, body }) {
      const by = body.super_admin ? unrestrictedAccountOf(caller) : wholeAccountOf(caller);
      await createAccount(services, body, by.account.email);
      return `email ${body.email} created`;
    },
    async globalUserUpdate({ caller, params, body }) {
      const by = body.is_super_admin || body.is_devops ? unrestrictedAccountOf(caller) : wholeAccountOf(caller);
      await updateAccount(services, { email: params.email.toLowerCase(), change: body, by: by.account.email });
      return `email ${params.email} updated`;
    },
    async globalUserRename({ caller, params, body }) {
      const by = wholeAccountOf(caller).account.email;
      await renameAccount(services, { email: params.email.toLowerCase(), username: body.new_username, by });
      return `email ${params.email} renamed to ${body.new_username}`;
    },
    async globalUserDelete({ caller, params }) {
      await deleteAccount(services, params.email.toLowerCase(), wholeAccountOf(caller).account.email);
      return `email ${params.email} deleted`;
    },
  };
}

export function accountHandlers(services: Services): Handlers<typeof accountOperations> {
  const { db } = services;
  return {
    ...changes(services),
    async globalUsernameInfo({ caller, params }) {
      wholeAccountOf(caller);
      const email = params.email.toLowerCase();
      const account = await db.maybe<{ username: string | null }>(
        sql`select username from account where email = ${email}`,
      );
      if (!account) throw notFound("User", email);
      const workspace_usernames = await db.query<{ workspace_id: string; username: string }>(
        sql`select workspace_id, username from member where email = ${email} order by workspace_id`,
      );
      return { username: account.username ?? "", workspace_usernames };
    },
    async listUsersAsSuperAdmin({ caller, query, request }) {
      wholeAccountOf(caller);
      const active = sql`exists (select from job j where j.email = a.email and j.created_at > now() - interval '30 days')`;
      const rows = await db.query<AccountRow>(sql`
        select ${columns} from account a where ${query.active_only ? active : sql`true`}
        order by a.email ${limitTo(query, { request })}`);
      return rows.map(infoOf);
    },
    async existsEmail({ caller, params }) {
      const own = emailOf(caller);
      // Others than admins only learn of those they share a workspace with, which they could list anyway.
      const mayKnow = isSuperAdmin(caller)
        ? sql`true`
        : sql`(a.email = ${own} or exists (
            select from member m join member o using (workspace_id)
            where m.email = ${own} and not m.disabled and (m.is_admin or o.email = a.email)))`;
      const { found } = await db.one<{ found: boolean }>(sql`
        select exists (select from account a where a.email = ${params.email.toLowerCase()} and ${mayKnow}) as found`);
      return found;
    },
    async globalWhoami({ caller }) {
      const email = emailOf(caller);
      const row = await db.maybe<AccountRow>(sql`select ${columns} from account a where a.email = ${email}`);
      if (!row) throw notFound("User", email);
      const workspace = boundWorkspace(caller);
      return { ...infoOf(row), ...(workspace === null ? {} : { workspace_id: workspace }) };
    },
    getCurrentEmail: async ({ caller }) => emailOf(caller),
    getUsage: ({ caller }) => usageOf(services, emailOf(caller)),
    getRunnable: ({ caller }) => runnablesOf(services, caller),
  };
}
