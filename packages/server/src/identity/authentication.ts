import { timingSafeEqual } from "node:crypto";
import type { Member } from "@towermill/contract";
import { sql, type Bus, type Database } from "@towermill/store";
import { createCache } from "./cache.ts";
import { anonymous, type AccountCaller, type Caller } from "./caller.ts";
import { hashToken, parseJobToken } from "@towermill/queue";

export interface Authentication {
  /** The caller behind a token; `null` when the token is unknown, expired, revoked or its account disabled. */
  byToken(token: string, byCookie: boolean): Promise<Caller | null>;
  /** Membership of an account in a workspace as it is now; `null` when there is none or it is disabled. */
  memberOf(email: string, workspace: string): Promise<Member | null>;
}

interface TokenRow {
  prefix: string;
  email: string;
  expiration: Date | null;
  scopes: string[] | null;
  workspace_id: string | null;
  read_only: boolean;
  username: string | null;
  super_admin: boolean;
  devops: boolean;
}

interface MemberRow {
  username: string;
  is_admin: boolean;
  operator: boolean;
  groups: string[];
}

interface FolderRow {
  name: string;
  owners: string[];
  extra_perms: Record<string, boolean>;
}

interface JobTokenRow {
  token_hash: Buffer | null;
  identity: string;
}

async function loadToken(db: Database, hashHex: string): Promise<TokenRow | null> {
  const row = await db.maybe<TokenRow>(sql`
    select t.prefix, t.email, t.expiration, t.scopes, t.workspace_id, t.read_only, a.username, a.super_admin, a.devops
    from token t join account a using (email)
    where t.hash = ${Buffer.from(hashHex, "hex")} and not a.disabled`);
  return row ?? null;
}

/** Loads a member with groups and folders: three small look-ups behind a cache. */
export async function loadMember(db: Database, email: string, workspace: string): Promise<Member | null> {
  const row = await db.maybe<MemberRow>(sql`
    select m.username, m.is_admin, m.operator,
      array(select g.group_name from group_member g
            where g.workspace_id = m.workspace_id and g.username = m.username) as groups
    from member m join workspace w on w.id = m.workspace_id
    where m.workspace_id = ${workspace} and m.email = ${email} and not m.disabled and not w.deleted`);
  if (!row) return null;
  const groups = [...new Set(["all", ...row.groups])];
  const who = [`u/${row.username}`, ...groups.map((group) => `g/${group}`)];
  const folders = await db.query<FolderRow>(sql`
    select name, owners, extra_perms from folder
    where workspace_id = ${workspace} and (owners && ${who}::text[] or extra_perms ?| ${who}::text[])`);
  const canWrite = (f: FolderRow): boolean =>
    f.owners.some((owner) => who.includes(owner)) || who.some((principal) => f.extra_perms[principal] === true);
  return {
    workspace,
    email,
    username: row.username,
    isAdmin: row.is_admin,
    isOperator: row.operator,
    groups,
    foldersRead: folders.map((f) => f.name),
    foldersWrite: folders.filter(canWrite).map((f) => f.name),
    foldersOwned: folders.filter((f) => f.owners.some((owner) => who.includes(owner))).map((f) => f.name),
  };
}

async function jobCaller(db: Database, { jobId, secret }: { jobId: string; secret: string }): Promise<Caller | null> {
  const row = await db.maybe<JobTokenRow>(sql`
    select q.token_hash, j.identity from job_queue q join job j using (id) where q.id = ${jobId} and q.running`);
  if (!row?.token_hash || !timingSafeEqual(row.token_hash, hashToken(secret))) return null;
  return { kind: "job", jobId, member: JSON.parse(row.identity) as Member };
}

/** Token and membership look-ups, cached and invalidated across processes (`token:{hash}`, `member:{workspace}:{email}`). */
export function createAuthentication({ db, bus, now }: { db: Database; bus: Bus; now(): Date }): Authentication {
  const tokens = createCache<TokenRow | null>({ bus, name: "token", load: (hash) => loadToken(db, hash) });
  const members = createCache<Member | null>({
    bus,
    name: "member",
    load: (key) => {
      const at = key.indexOf(":");
      return loadMember(db, key.slice(at + 1), key.slice(0, at));
    },
  });
  const noted = new Map<string, number>();
  /** Last use is written at most every five minutes per token and process; nobody waits for it. */
  const noteUse = (tokenHash: Buffer): void => {
    const key = tokenHash.toString("hex");
    const nowMs = performance.now();
    if (nowMs - (noted.get(key) ?? -Infinity) < 300_000) return;
    if (noted.size > 10_000) noted.clear();
    noted.set(key, nowMs);
    db.execute(sql`update token set last_used_at = now() where hash = ${tokenHash}`).catch(() => noted.delete(key));
  };
  return {
    memberOf: (email, workspace) => members.get(`${workspace}:${email}`),
    async byToken(token, byCookie) {
      if (token === "") return anonymous;
      const job = parseJobToken(token);
      if (job) return jobCaller(db, job);
      const tokenHash = hashToken(token);
      const row = await tokens.get(tokenHash.toString("hex"));
      if (!row || (row.expiration && row.expiration <= now())) return null;
      noteUse(tokenHash);
      return {
        kind: "account",
        account: { email: row.email, username: row.username, superAdmin: row.super_admin, devops: row.devops },
        scopes: row.scopes,
        readOnly: row.read_only,
        tokenWorkspace: row.workspace_id,
        tokenHash,
        tokenPrefix: row.prefix,
        byCookie,
      } satisfies AccountCaller;
    },
  };
}
