import {
  allowed,
  ApiError,
  jsonMembers,
  jsonObject,
  notFound,
  requireItemPath,
  scopesAllow,
  type Acl,
  type draftsOperations,
  type Member,
} from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { scopesOf } from "../http/item.ts";
import { composeJson, memberText, requireSearchable } from "../http/verbatim.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { draftMember, sharedKinds } from "./drafts-overlay.ts";
import { openDraft, sealDraft } from "./drafts-secret.ts";
import { deployedAcl, deployedAclColumn } from "./drafts-place.ts";

type Ops = typeof draftsOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

interface ListedDraft {
  kind: string;
  path: string;
  email: string;
  value: string;
  created_at: Date;
  username: string | null;
  acl: Acl | null;
}

interface Who {
  caller: Caller;
  member: Member;
}

/** Drafts are private text, but what may be drafted, and whose drafts may be seen, follows the item's path. */
function requireSeen({ caller, member }: Who, path: string, acl: Acl | null): void {
  const inScope = scopesAllow(scopesOf(caller), { domain: "drafts", action: "read", path });
  if (!inScope || !allowed(member, "read", path, acl ?? {})) throw notFound("Draft", path);
}

function draftJson(value: string, at: Date): Response {
  return jsonText(composeJson({ created_at: at }, { value }));
}

function textMember(value: string, name: string): string | undefined {
  const found: unknown = JSON.parse(draftMember(value, name) ?? "null");
  return typeof found === "string" && found !== "" ? found : undefined;
}

function listed(row: ListedDraft, member: Member, users: Map<string, (string | null)[]>) {
  const summary = textMember(row.value, "summary");
  const draftPath = textMember(row.value, "draft_path");
  const mine = row.email === member.email || row.email === "";
  return {
    kind: row.kind,
    path: row.path,
    ...(summary === undefined ? {} : { summary }),
    ...(draftPath === undefined || draftPath === row.path ? {} : { draft_path: draftPath }),
    draft_only: row.acl === null,
    legacy_draft: row.email === "",
    created_at: row.created_at.toISOString(),
    can_write: mine && allowed(member, "write", row.path, row.acl ?? {}),
    mine,
    ...(sharedKinds.includes(row.kind)
      ? { draft_users: (users.get(`${row.kind} ${row.path}`) ?? []).map((username) => ({ username })) }
      : {}),
  };
}

function readers({ db, vault }: Services) {
  return {
    async listDrafts({ member, caller, query }: CallOf<"listDrafts">) {
      const rows = await db.query<ListedDraft>(sql`
        select d.kind, d.path, d.email, d.value, d.created_at, m.username, ${deployedAclColumn} as acl
        from draft d left join member m on m.workspace_id = d.workspace_id and m.email = d.email
        where d.workspace_id = ${member.workspace} order by d.created_at desc, d.path`);
      const users = new Map<string, (string | null)[]>();
      for (const row of rows) {
        const key = `${row.kind} ${row.path}`;
        users.set(key, [...(users.get(key) ?? []), row.username]);
      }
      const seen = (row: ListedDraft): boolean =>
        scopesAllow(scopesOf(caller), { domain: "drafts", action: "read", path: row.path }) &&
        (row.email === member.email ||
          ((row.email === "" || (query.all_users === true && sharedKinds.includes(row.kind))) &&
            allowed(member, "read", row.path, row.acl ?? {})));
      return rows.filter(seen).map((row) => listed(row, member, users));
    },
    async getDraftForUser(call: CallOf<"getDraftForUser">) {
      const { member, params, query } = call;
      requireSeen(call, params.path, await deployedAcl(db, { ...params, workspace: member.workspace }));
      const row = await db.maybe<{ value: string; edited_at: Date; email: string }>(sql`
        select d.value, d.edited_at, d.email from draft d left join member m on m.workspace_id = d.workspace_id and m.email = d.email
        where d.workspace_id = ${member.workspace} and d.kind = ${params.kind} and d.path = ${params.path}
          and ${query.username === undefined ? sql`d.email = ''` : sql`m.username = ${query.username}`}`);
      const shared = sharedKinds.includes(params.kind) || row?.email === member.email || row?.email === "";
      if (!row || !shared) throw notFound("Draft", params.path);
      const { kind } = params;
      return draftJson(await openDraft(vault, member.workspace, { kind, value: row.value }), row.edited_at);
    },
    async getOwnDraft({ member, params }: CallOf<"getOwnDraft">) {
      const row = await db.maybe<{ value: string; edited_at: Date }>(sql`
        select value, edited_at from draft
        where workspace_id = ${member.workspace} and kind = ${params.kind} and path = ${params.path} and email = ${member.email}`);
      if (!row) return null;
      const { kind } = params;
      return draftJson(await openDraft(vault, member.workspace, { kind, value: row.value }), row.edited_at);
    },
  };
}

async function writeDraft(
  tx: Queryable,
  call: CallOf<"updateDraft">,
  text: string | null,
): Promise<{ at: Date; saved: boolean }> {
  const { body, member, params } = call;
  const email = body.legacy && text === null ? "" : member.email;
  const where = sql`workspace_id = ${member.workspace} and kind = ${params.kind} and path = ${params.path} and email = ${email}`;
  const present = await tx.maybe<{ edited_at: Date }>(sql`select edited_at from draft where ${where} for update`);
  const synced = body.last_sync ? Date.parse(body.last_sync) : -Infinity;
  if (present && !body.force && present.edited_at.getTime() > synced) return { at: present.edited_at, saved: false };
  if (text === null) {
    await tx.execute(sql`delete from draft where ${where}`);
    return {
      at: (await tx.one<{ at: Date }>(sql`select date_trunc('milliseconds', clock_timestamp()) as at`)).at,
      saved: true,
    };
  }
  // Clients hold the moment in milliseconds, so it must not be stored more exactly than that.
  const { edited_at } = await tx.one<{ edited_at: Date }>(sql`
    insert into draft (workspace_id, kind, path, email, value, created_at, edited_at)
    values (${member.workspace}, ${params.kind}, ${params.path}, ${email}, ${text},
      coalesce(${body.created_at}::timestamptz, now()), date_trunc('milliseconds', clock_timestamp()))
    on conflict (workspace_id, kind, path, email) do update
      set value = excluded.value, edited_at = greatest(excluded.edited_at, draft.edited_at + interval '1 millisecond')
    returning edited_at`);
  return { at: edited_at, saved: true };
}

/** Drafts: what an editor saved and nobody deployed yet, one per person, kind and path. */
export function draftsHandlers(services: Services): Handlers<Ops> {
  const { db, vault } = services;
  return {
    ...readers(services),
    async updateDraft(call) {
      const { params, member, bodyText } = call;
      requireItemPath(params.path);
      requireSeen(call, params.path, await deployedAcl(db, { ...params, workspace: member.workspace }));
      const text = memberText(bodyText, "value") ?? "null";
      requireSearchable(call.body.value, "body.value");
      const kept = await sealDraft(vault, member.workspace, { kind: params.kind, value: text });
      const { at, saved } = await db.transaction((tx) => writeDraft(tx, call, text === "null" ? null : kept));
      const current_timestamp = at.toISOString();
      return saved
        ? { status: "saved" as const, current_timestamp, path: params.path }
        : { status: "conflict" as const, current_timestamp };
    },
    async moveDraft(call) {
      const { params, member, body } = call;
      const to = requireItemPath(body.new_path, "new_path");
      requireSeen(call, to, await deployedAcl(db, { workspace: member.workspace, kind: params.kind, path: to }));
      const where = sql`workspace_id = ${member.workspace} and kind = ${params.kind} and path = ${params.path} and email = ${member.email}`;
      const summary = body.summary ?? null;
      await db
        .transaction(async (tx) => {
          const row = await tx.maybe<{ value: string }>(sql`select value from draft where ${where} for update`);
          if (!row) throw notFound("Draft", params.path);
          const value =
            summary !== null && draftMember(row.value, "summary") !== undefined
              ? withSummary(row.value, summary)
              : row.value;
          await tx.execute(sql`update draft set path = ${to}, value = ${value} where ${where}`);
        })
        .catch((error: unknown) => {
          throw isUniqueViolation(error) ? new ApiError("already_exists", `You have a draft at ${to} already`) : error;
        });
      return to;
    },
  };
}

function withSummary(value: string, summary: string): string {
  return jsonObject(jsonMembers(value).set("summary", JSON.stringify(summary)));
}
