import { timingSafeEqual } from "node:crypto";
import type { Member } from "@towermill/contract";
import { loadMember } from "@towermill/runnable";
import { sql, type Bus, type Database } from "@towermill/store";
import { createCache } from "@towermill/store";
import { anonymous, type AccountCaller, type Caller } from "./caller.ts";
import { hashToken, parseJobToken } from "@towermill/queue";

export interface Authentication {
  /** The caller behind a token; `null` when the token is unknown, expired, revoked or its account disabled. */
  byToken(token: string, byCookie: boolean): Promise<Caller | null>;
  /** Membership of an account in a workspace as it is now; `null` when there is none or it is disabled. */
  memberOf(email: string, workspace: string): Promise<Member | null>;
  workspaceExists(workspace: string): Promise<boolean>;
  /** What the workspace shows operators, by Windmill's names; what is not named is shown. */
  operatorSettings(workspace: string): Promise<Readonly<Record<string, boolean>>>;
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

interface WorkspaceRow {
  operators: Record<string, boolean> | null;
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
  const workspaces = createCache<WorkspaceRow | null>({
    bus,
    name: "workspace",
    load: async (id) =>
      (await db.maybe<WorkspaceRow>(
        sql`select settings -> 'operator_settings' as operators from workspace where id = ${id} and not deleted`,
      )) ?? null,
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
    workspaceExists: async (workspace) => (await workspaces.get(workspace)) !== null,
    operatorSettings: async (workspace) => (await workspaces.get(workspace))?.operators ?? {},
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
