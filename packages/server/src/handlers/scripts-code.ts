import { createHash } from "node:crypto";
import { ApiError, notFound, scopesAllow, type Member, type scriptsCodeOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { memberIn } from "../http/access.ts";
import type { Handlers } from "../http/call.ts";
import { patternsOf, scopesOf } from "../http/item.ts";
import { visible } from "../http/visibility.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Caller } from "../identity/caller.ts";
import { deployedAt, readableVersion } from "../scripts/find.ts";
import type { Services } from "../services.ts";

/** Extensions that importers append to a script's path; the longer ones first. */
const extensions = [
  ".fetch.ts",
  ".deno.ts",
  ".bun.ts",
  ".ts",
  ".py",
  ".go",
  ".sh",
  ".ps1",
  ".pg.sql",
  ".my.sql",
  ".bq.sql",
  ".sf.sql",
  ".ms.sql",
  ".odb.sql",
  ".duckdb.sql",
  ".gql",
  ".php",
  ".rs",
  ".playbook.yml",
  ".cs",
  ".nu",
  ".java",
  ".rb",
  ".r",
];

function withoutExtension(path: string): string {
  const extension = extensions.find((end) => path.endsWith(end));
  return extension === undefined ? path : path.slice(0, -extension.length);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

interface Who {
  caller: Caller;
  member: Member;
}

/** Code as text. `auth` is for the address that carries its own token. */
export function scriptsCodeHandlers(
  { db }: Services,
  { auth }: { auth: Authentication },
): Handlers<typeof scriptsCodeOperations> {
  /** A path that ends like a file name may be one that was given so, or one with an extension added. */
  const codeAt = async (who: Who, path: string): Promise<string> => {
    const plain = withoutExtension(path);
    if (plain === path) return (await deployedAt(db, who, path)).content;
    try {
      return (await deployedAt(db, who, plain)).content;
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") return (await deployedAt(db, who, path)).content;
      throw error;
    }
  };
  return {
    rawScriptByPath: (call) => codeAt(call, call.params.path),
    rawScriptByPathUnpinned: (call) => codeAt(call, call.params.path),
    rawScriptByHash: async (call) => (await readableVersion(db, call, withoutExtension(call.params.path))).content,
    async rawScriptByPathTokened({ params }) {
      const { workspace, token, path } = params;
      const caller = await auth.byToken(token, false);
      const member = caller && (await memberIn(auth, caller, workspace));
      const required = { domain: "scripts", action: "read", path: withoutExtension(path) } as const;
      if (!member || !scopesAllow(scopesOf(caller), required)) throw notFound("Script", path);
      return codeAt({ caller, member }, path);
    },
    async storeRawScriptTemp({ body, member }) {
      const hash = sha256(body);
      await db.execute(sql`
        insert into raw_script_temp (workspace_id, hash, content) values (${member.workspace}, ${hash}, ${body})
        on conflict (workspace_id, hash) do update set created_at = now()`);
      return hash;
    },
    async diffRawScriptsWithDeployed({ body, member, caller }) {
      const paths = Object.keys(body.scripts);
      const shown = visible(member, patternsOf(caller, "scripts"), { path: sql`path`, extraPerms: sql`extra_perms` });
      const rows = await db.query<{ path: string; hash: string }>(sql`
        select path, encode(sha256(convert_to(content, 'UTF8')), 'hex') as hash from script
        where workspace_id = ${member.workspace} and path = any(${paths}::text[]) and not archived and not deleted and ${shown}`);
      const deployed = new Map(rows.map(({ path, hash }) => [path, hash]));
      const differing = paths.filter((path) => deployed.get(path) !== body.scripts[path]?.toLowerCase());
      return [...differing, ...(body.workspace_deps ?? []).map((dependency) => dependency.path)];
    },
  };
}
