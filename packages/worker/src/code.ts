import { allowed, type Acl, type Language, type Member } from "@towermill/contract";
import type { ScriptSource, WorkspaceScripts } from "@towermill/runtimes";
import { createCache, named, sql, type Bus, type Database } from "@towermill/store";

export interface DeployedScript extends ScriptSource {
  hash: string;
  language: Language;
  acl: Acl;
}

interface ScriptRow {
  hash: string;
  path: string;
  content: string;
  lock: string | null;
  language: Language;
  extra_perms: Acl;
}

/** Code of scripts: versions never change and are kept; heads are kept until something is deployed at their path. */
export interface Code {
  version(workspace: string, hash: string): Promise<DeployedScript | null>;
  head(workspace: string, path: string): Promise<DeployedScript | null>;
  temporary(workspace: string, hash: string): Promise<string | null>;
}

function deployed(row: ScriptRow | undefined): DeployedScript | null {
  return row
    ? {
        hash: row.hash,
        path: row.path,
        content: row.content,
        lock: row.lock,
        language: row.language,
        acl: row.extra_perms,
      }
    : null;
}

function split(key: string): [string, string] {
  const at = key.indexOf(":");
  return [key.slice(0, at), key.slice(at + 1)];
}

export function createCode({ db, bus }: { db: Database; bus: Bus }): Code {
  const versions = createCache({
    bus,
    name: "script-version",
    maximumAgeMs: 600_000,
    maximumSize: 2000,
    async load(key) {
      const [workspace, hash] = split(key);
      const row = await db.maybe<ScriptRow>(
        named(
          "script_version",
          sql`select hash, path, content, lock, language, extra_perms from script
            where workspace_id = ${workspace} and hash = ${hash}`,
        ),
      );
      // A version without its lock is still being deployed: it must be read again.
      if (row && row.lock === null) queueMicrotask(() => versions.forget(key));
      return deployed(row);
    },
  });
  const heads = createCache({
    bus,
    name: "script",
    load: async (key) => {
      const [workspace, path] = split(key);
      return deployed(
        await db.maybe<ScriptRow>(
          named(
            "script_head",
            sql`select hash, path, content, lock, language, extra_perms from script
              where workspace_id = ${workspace} and path = ${path} and not archived and not deleted`,
          ),
        ),
      );
    },
  });
  return {
    version: (workspace, hash) => versions.get(`${workspace}:${hash}`),
    head: (workspace, path) => heads.get(`${workspace}:${path}`),
    async temporary(workspace, hash) {
      const row = await db.maybe<{ content: string }>(
        sql`select content from raw_script_temp where workspace_id = ${workspace} and hash = ${hash}`,
      );
      return row?.content ?? null;
    },
  };
}

/**
 * How a job's code finds the workspace scripts it imports: code stored for this run first, then what is deployed and
 * the job's identity may read.
 */
export function workspaceScripts(
  code: Code,
  {
    workspace,
    member,
    temporary = {},
  }: { workspace: string; member: Member; temporary?: Record<string, string> | undefined },
): WorkspaceScripts {
  return async (path) => {
    const head = await code.head(workspace, path);
    const stored = temporary[path] === undefined ? null : await code.temporary(workspace, temporary[path]);
    if (stored !== null) return { path, content: stored, lock: null, language: head?.language ?? languageOf(stored) };
    return head && allowed(member, "read", path, head.acl) ? head : null;
  };
}

/** Code stored for a run names no language; only TypeScript and Python import each other's kind. */
function languageOf(content: string): Language {
  return /^\s*(async\s+)?def\s+\w+\s*\(|^\s*(from\s+\S+\s+)?import\s+[\w.]+\s*$/m.test(content) ? "python3" : "bun";
}
