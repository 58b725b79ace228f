import { ApiError, notFound, type inviteOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { emailOf, wholeAccountOf } from "../identity/actor.ts";
import { audit } from "../identity/audit.ts";
import { forgetMember } from "../identity/invalidate.ts";
import { addMember } from "../identity/membership.ts";
import type { Services } from "../services.ts";

interface Invite {
  workspace_id: string;
  email: string;
  is_admin: boolean;
  operator: boolean;
}

const columns = sql`i.workspace_id, i.email, i.is_admin, i.operator`;

async function takeInvite(tx: Queryable, workspace: string, email: string): Promise<Invite> {
  const invite = await tx.maybe<Invite>(sql`
    delete from workspace_invite i using workspace w
    where w.id = i.workspace_id and not w.deleted and i.workspace_id = ${workspace} and i.email = ${email}
    returning ${columns}`);
  if (!invite) throw notFound("Invite", workspace);
  return invite;
}

type Own = "listWorkspaceInvites" | "acceptInvite" | "declineInvite";

/** What the invited person does. */
function ownInvites({ db, bus }: Services): Pick<Handlers<typeof inviteOperations>, Own> {
  return {
    listWorkspaceInvites: ({ caller }) =>
      db.query<Invite>(sql`
        select ${columns} from workspace_invite i join workspace w on w.id = i.workspace_id
        where i.email = ${emailOf(caller)} and not w.deleted order by i.workspace_id`),
    async acceptInvite({ caller, body }) {
      const { email } = wholeAccountOf(caller).account;
      const workspace = body.workspace_id;
      const username = await db.transaction(async (tx) => {
        const { is_admin: isAdmin, operator } = await takeInvite(tx, workspace, email);
        const added = await addMember(tx, { workspace, email, isAdmin, operator, username: body.username });
        await audit(tx, {
          workspace,
          username: added,
          operation: "users.accept_invite",
          actionKind: "Created",
          resource: email,
        });
        return added;
      });
      forgetMember(bus, workspace, email);
      return `user ${username} joined ${workspace}`;
    },
    async declineInvite({ caller, body }) {
      const { email } = wholeAccountOf(caller).account;
      const workspace = body.workspace_id;
      await db.transaction(async (tx) => {
        await takeInvite(tx, workspace, email);
        await audit(tx, {
          workspace,
          username: email,
          operation: "users.decline_invite",
          actionKind: "Delete",
          resource: email,
        });
      });
      return `invite to ${workspace} declined`;
    },
  };
}

export function inviteHandlers(services: Services): Handlers<typeof inviteOperations> {
  const { db } = services;
  return {
    async inviteUser({ member, params: { workspace }, body }) {
      await db.transaction(async (tx) => {
        const inside = await tx.maybe(
          sql`select from member where workspace_id = ${workspace} and email = ${body.email}`,
        );
        if (inside) throw new ApiError("already_exists", `${body.email} is already in the workspace ${workspace}`);
        await tx.execute(sql`
          insert into workspace_invite (workspace_id, email, is_admin, operator)
          values (${workspace}, ${body.email}, ${body.is_admin}, ${body.operator})
          on conflict (workspace_id, email) do update set is_admin = excluded.is_admin, operator = excluded.operator`);
        const entry = {
          workspace,
          username: member.username,
          operation: "users.invite",
          actionKind: "Created" as const,
        };
        await audit(tx, { ...entry, resource: body.email });
      });
      return `user with email ${body.email} invited`;
    },
    async deleteInvite({ params: { workspace }, body }) {
      await db.execute(sql`delete from workspace_invite where workspace_id = ${workspace} and email = ${body.email}`);
      return `invite to email ${body.email} deleted`;
    },
    listPendingInvites: ({ params }) =>
      db.query<Invite>(sql`
        select ${columns} from workspace_invite i where i.workspace_id = ${params.workspace} order by i.email`),
    ...ownInvites(services),
  };
}
