import { allowed, scopesAllow, type Acl, type Member } from "@towermill/contract";
import { sql } from "@towermill/store";
import { CipherError } from "./cipher.ts";
import type { Vault } from "./vault.ts";

/** Under whose rights values are read, and who is told about secrets. */
export interface ReadContext {
  vault: Vault;
  member: Member;
  /** Scopes of the token that reads; absent or `null` = all rights of the member. */
  scopes?: readonly string[] | null;
  /** The job that reads, for the audit trail. */
  jobId?: string;
  /** Gets every secret value that was resolved, so that logs can mask it. */
  onSecret?: (value: string) => void;
}

interface VariableRow {
  path: string;
  value: string;
  is_secret: boolean;
  extra_perms: Acl;
}

interface ResourceRow {
  path: string;
  value: string | null;
  extra_perms: Acl;
}

function mayRead(
  { member, scopes }: ReadContext,
  domain: "variables" | "resources",
  row: { path: string; extra_perms: Acl },
): boolean {
  return (
    allowed(member, "read", row.path, row.extra_perms) &&
    scopesAllow(scopes ?? null, { domain, action: "read", path: row.path })
  );
}

/** Values of the variables among `paths` that exist and may be read; secret ones are decrypted, reported and audited. */
export async function readVariables(ctx: ReadContext, paths: readonly string[]): Promise<Map<string, string>> {
  const { vault, member } = ctx;
  if (paths.length === 0) return new Map();
  const rows = await vault.db.query<VariableRow>(sql`
    select path, value, is_secret, extra_perms from variable
    where workspace_id = ${member.workspace} and path = any(${paths}::text[])`);
  const readable = rows.filter((row) => mayRead(ctx, "variables", row));
  const values = new Map<string, string>();
  for (const { path, value, is_secret } of readable) {
    const plain = is_secret ? await decryptAt(ctx, path, value) : value;
    if (is_secret && plain !== "") ctx.onSecret?.(plain);
    values.set(path, plain);
  }
  const secrets = readable.filter((row) => row.is_secret).map((row) => row.path);
  await auditSecretReads(ctx, secrets);
  const { jobId, onSecret } = ctx;
  if (jobId !== undefined && onSecret === undefined && secrets.length > 0)
    await vault.tellWorker({ jobId, workspace: member.workspace, paths: secrets });
  return values;
}

/**
 * Values of secrets that somebody read with the right to, for whoever has to hide them; not audited, for nobody gets them.
 * What cannot be decrypted is left out.
 */
export async function secretsToHide(vault: Vault, workspace: string, paths: readonly string[]): Promise<string[]> {
  const rows = await vault.db.query<{ value: string }>(sql`
    select value from variable where workspace_id = ${workspace} and path = any(${paths}::text[]) and is_secret`);
  const opened = await Promise.allSettled(rows.map(({ value }) => vault.decrypt(workspace, value)));
  return opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

/** Values, as JSON texts, of the resources among `paths` that exist and may be read. Their references are not resolved. */
export async function readResources(ctx: ReadContext, paths: readonly string[]): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map();
  const rows = await ctx.vault.db.query<ResourceRow>(sql`
    select path, value, extra_perms from resource
    where workspace_id = ${ctx.member.workspace} and path = any(${paths}::text[])`);
  return new Map(rows.filter((row) => mayRead(ctx, "resources", row)).map((row) => [row.path, row.value ?? "null"]));
}

/** The value of one variable, decrypted; `null` when it does not exist or may not be read. @throws CipherError */
export async function readVariable(ctx: ReadContext, path: string): Promise<string | null> {
  return (await readVariables(ctx, [path])).get(path) ?? null;
}

/** The stored value of one resource as JSON text; `null` when it does not exist or may not be read. */
export async function readResource(ctx: ReadContext, path: string): Promise<string | null> {
  return (await readResources(ctx, [path])).get(path) ?? null;
}

async function decryptAt({ vault, member }: ReadContext, path: string, ciphertext: string): Promise<string> {
  try {
    return await vault.decrypt(member.workspace, ciphertext);
  } catch (error) {
    if (error instanceof CipherError) throw new CipherError(`Variable ${path}: ${error.message}`);
    throw error;
  }
}

async function auditSecretReads({ vault, member, jobId }: ReadContext, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const parameters = jobId === undefined ? null : JSON.stringify({ job: jobId });
  await vault.db.execute(sql`
    insert into audit (workspace_id, username, operation, action_kind, resource, parameters)
    select ${member.workspace}, ${member.username}, 'variables.decrypt_secret', 'Execute', path, ${parameters}::jsonb
    from unnest(${paths}::text[]) as path`);
}
