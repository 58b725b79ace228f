import { allowed, ApiError, notFound, scopesAllow, type Acl, type Language, type Member } from "@towermill/contract";
import { createCache, sql, type Bus, type Database, type Sql } from "@towermill/store";

/** The fields of a script that decide how it runs, under the API's names. */
export interface ScriptOptions {
  tag?: string | null;
  priority?: number | null;
  timeout?: number | null;
  cache_ttl?: number | null;
  concurrent_limit?: number | null;
  concurrency_time_window_s?: number | null;
  concurrency_key?: string | null;
  dedicated_worker?: boolean | null;
  envs?: string[] | null;
  labels?: string[] | null;
  restart_unless_cancelled?: boolean | null;
  delete_after_secs?: number | null;
  delete_after_use?: boolean | null;
  visible_to_runner_only?: boolean | null;
  has_preprocessor?: boolean | null;
  on_behalf_of?: string | null;
  on_behalf_of_email?: string | null;
}

/** One version of a script, as running it needs it. */
export interface ScriptVersion {
  hash: string;
  path: string;
  language: Language;
  options: ScriptOptions;
  acl: Acl;
}

interface Row {
  hash: string;
  path: string;
  language: Language;
  options: ScriptOptions;
  extra_perms: Acl;
  lock_state: "ready" | "pending" | "failed";
}

const columns: Sql = sql`hash, path, language, options, extra_perms,
  case when lock is not null then 'ready' when lock_error_logs is not null then 'failed' else 'pending' end as lock_state`;

function versionOf({ hash, path, language, options, extra_perms }: Row): ScriptVersion {
  return { hash, path, language, options, acl: extra_perms };
}

/**
 * The version that running a path means: its head. While the head's dependencies are being resolved the version before
 * it serves, so that a deployment never makes a path unavailable; a first version waits for its lock as a job.
 */
async function loadDeployed(db: Database, key: string): Promise<ScriptVersion | "unresolved" | null> {
  const { workspace, rest: path } = splitKey(key);
  const head = await db.maybe<Row>(sql`select ${columns} from script
    where workspace_id = ${workspace} and path = ${path} and not archived and not deleted and not draft_only`);
  if (!head) return null;
  if (head.lock_state === "ready") return versionOf(head);
  const [before] = await db.query<Row>(sql`select ${columns} from script
    where workspace_id = ${workspace} and path = ${path} and not deleted and not draft_only and lock is not null
    order by created_at desc limit 1`);
  if (before) return versionOf(before);
  return head.lock_state === "failed" ? "unresolved" : versionOf(head);
}

async function loadVersion(db: Database, key: string): Promise<ScriptVersion | null> {
  const { workspace, rest: hash } = splitKey(key);
  const row = await db.maybe<Row>(sql`select ${columns} from script
    where workspace_id = ${workspace} and hash = ${hash} and not deleted`);
  return row ? versionOf(row) : null;
}

function splitKey(key: string): { workspace: string; rest: string } {
  const at = key.indexOf(":");
  return { workspace: key.slice(0, at), rest: key.slice(at + 1) };
}

/** A script somebody wants to run. */
export type Target = { path: string } | { hash: string };

export interface Runnables {
  /**
   * The version to run, once it is sure that the member may. @param who `scopes` are those of the caller's token
   * @throws ApiError `not_found` when there is none or the member may not see it, `missing_scope`
   */
  resolve(who: { scopes: readonly string[] | null; member: Member }, target: Target): Promise<ScriptVersion>;
}

/**
 * Finds scripts to run. Deployed heads are cached: whoever deploys, archives or writes a lock publishes `changed` with
 * `script:{workspace}:{path}`.
 */
export function createRunnables({ db, bus }: { db: Database; bus: Bus }): Runnables {
  const deployed = createCache({ bus, name: "script", load: (key) => loadDeployed(db, key) });
  const versions = createCache({ bus, name: "script-version", load: (key) => loadVersion(db, key) });
  return {
    async resolve({ scopes, member }, target) {
      const name = "path" in target ? target.path : target.hash;
      const found = await ("path" in target ? deployed : versions).get(`${member.workspace}:${name}`);
      if (found === null) throw notFound("Script", name);
      if (found === "unresolved") {
        throw new ApiError(
          "not_found",
          `Script not found at name ${name}: its dependencies could not be resolved, see its lock_error_logs`,
        );
      }
      if (!allowed(member, "read", found.path, found.acl)) throw notFound("Script", name);
      const required = { domain: "jobs", action: "run", kind: "scripts", path: found.path } as const;
      if (!scopesAllow(scopes, required))
        throw new ApiError("missing_scope", `Access denied. Required scope: jobs:run:scripts:${found.path}`);
      return found;
    },
  };
}
