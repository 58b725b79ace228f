import { ApiError, notFound, pathOwner, type Member, type memberOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import { forgetMember, forgetTokens } from "../identity/invalidate.ts";
import { describeMember, findMember, findSuperAdmin, listMembers } from "../identity/member-info.ts";
import { addMember, removeMember } from "../identity/membership.ts";
import type { Services } from "../services.ts";

/** Whether a path is the member's to administer: to share, not only to write. */
export function ownsPath(member: Member, path: string): boolean {
  if (member.isAdmin) return true;
  const { kind, name } = pathOwner(path);
  if (kind === "u") return name === member.username;
  if (kind === "f") return member.foldersOwned.includes(name);
  return kind === "g" && member.groups.includes(name);
}

async function dropMember(
  { db, bus }: Services,
  by: Member,
  { username, operation }: { username: string; operation: string },
) {
  const gone = await db.transaction(async (tx) => {
    const removed = await removeMember(tx, by.workspace, username);
    if (!removed) throw notFound("User", username);
    const entry = { workspace: by.workspace, username: by.username, operation, actionKind: "Delete" as const };
    await audit(tx, { ...entry, resource: username });
    return removed;
  });
  forgetMember(bus, by.workspace, gone.email);
  forgetTokens(bus, gone.tokens);
}

type Readers = "whoami" | "listUsers" | "listUsernames" | "getUser" | "whois" | "usernameToEmail" | "isOwnerOfPath";

function readers({ db }: Services): Pick<Handlers<typeof memberOperations>, Readers> {
  return {
    async whoami({ member }) {
      const found = await describeMember(db, member);
      if (!found) throw notFound("User", member.username);
      return found;
    },
    listUsers: ({ params }) => listMembers(db, params.workspace),
    async listUsernames({ params }) {
      const rows = await db.query<{ username: string }>(
        sql`select username from member where workspace_id = ${params.workspace} and not disabled order by username`,
      );
      return rows.map((row) => row.username);
    },
    async getUser({ params }) {
      const found = await findMember(db, params.workspace, { username: params.username });
      if (!found) throw notFound("User", params.username);
      return found;
    },
    async whois({ params }) {
      const by = { username: params.username };
      const found = (await findMember(db, params.workspace, by)) ?? (await findSuperAdmin(db, by));
      if (!found) throw notFound("User", params.username);
      return found;
    },
    async usernameToEmail({ params }) {
      const row = await db.maybe<{ email: string }>(
        sql`select email from member where workspace_id = ${params.workspace} and username = ${params.username}`,
      );
      if (!row) throw notFound("User", params.username);
      return row.email;
    },
    isOwnerOfPath: async ({ member, params }) => ownsPath(member, params.path),
  };
}

export function memberHandlers(services: Services): Handlers<typeof memberOperations> {
  const { db, bus } = services;
  return {
    ...readers(services),
    async updateUser({ member, params: { workspace, username }, body }) {
      const email = await db.transaction(async (tx) => {
        const row = await tx.maybe<{ email: string }>(sql`
          update member set is_admin = coalesce(${body.is_admin}, is_admin), operator = coalesce(${body.operator}, operator),
            disabled = coalesce(${body.disabled}, disabled)
          where workspace_id = ${workspace} and username = ${username} returning email`);
        if (!row) throw notFound("User", username);
        const entry = {
          workspace,
          username: member.username,
          operation: "users.update",
          actionKind: "Updated" as const,
        };
        await audit(tx, { ...entry, resource: username, parameters: { ...body } });
        return row.email;
      });
      forgetMember(bus, workspace, email);
      return `user ${username} updated`;
    },
    async deleteUser({ member, params }) {
      await dropMember(services, member, { username: params.username, operation: "users.delete" });
      return `username ${params.username} deleted`;
    },
    async addUser({ member, params: { workspace }, body }) {
      const username = await db.transaction(async (tx) => {
        const { email, is_admin: isAdmin, operator } = body;
        const added = await addMember(tx, { workspace, email, isAdmin, operator, username: body.username });
        const entry = {
          workspace,
          username: member.username,
          operation: "users.add_to_workspace",
          actionKind: "Created" as const,
        };
        await audit(tx, { ...entry, resource: body.email, parameters: { username: added } });
        return added;
      });
      forgetMember(bus, workspace, body.email);
      return `user ${username} with email ${body.email} added`;
    },
    async leaveWorkspace({ member }) {
      const row = await db.maybe<{ username: string }>(
        sql`select username from member where workspace_id = ${member.workspace} and email = ${member.email}`,
      );
      if (!row) throw new ApiError("bad_request", `${member.email} is not a member of ${member.workspace}`);
      await dropMember(services, member, { username: row.username, operation: "users.leave_workspace" });
      return `left workspace ${member.workspace}`;
    },
  };
}
