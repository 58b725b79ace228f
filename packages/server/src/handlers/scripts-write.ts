import { ApiError, notFound, type scriptsOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import { deploy, type PushDependencyJob } from "../scripts/deploy.ts";
import { deployedAt, readableAt, readableVersion, requireScriptWritable } from "../scripts/find.ts";
import { scriptJson, versionOf, type ScriptRow } from "../scripts/row.ts";
import type { Services } from "../services.ts";
import { moveToTrash, rowAt } from "./trash-keep.ts";

type CallOf<Id extends string> = Call<Extract<(typeof scriptsOperations)[number], { id: Id }>>;
type Who = Pick<CallOf<"archiveScriptByPath">, "member" | "caller">;

interface Noted {
  verb: "update" | "archive" | "delete";
  path: string;
  hash?: string;
}

async function note(tx: Queryable, { member }: Who, { verb, path, hash }: Noted): Promise<void> {
  const { workspace, username } = member;
  await audit(tx, {
    workspace,
    username,
    operation: `scripts.${verb}`,
    actionKind: verb === "update" ? "Updated" : "Delete",
    resource: path,
    ...(hash === undefined ? {} : { parameters: { hash } }),
  });
}

/** Tells every process to forget what it keeps of these scripts. */
function announce(
  { bus }: Services,
  workspace: string,
  what: { paths: readonly string[]; hashes: readonly string[] },
): void {
  const { paths, hashes } = what;
  bus.publish("changed", [
    ...paths.map((path) => `script:${workspace}:${path}`),
    ...hashes.map((hash) => `script-version:${workspace}:${hash}`),
  ]);
}

function deployments(services: Services, pushDependencyJob: PushDependencyJob) {
  return {
    createScript: ({ caller, member, body, bodyText, query }: CallOf<"createScript">) =>
      deploy(
        services,
        { caller, member, script: body, bodyText, skipIfNoop: query.skip_if_noop ?? false },
        pushDependencyJob,
      ),
    async updateScript({ caller, member, body, bodyText, params }: CallOf<"updateScript">) {
      const { hash } = await deployedAt(services.db, { caller, member }, params.path);
      const parent =
        body.path === params.path && !body.parent_hash
          ? { auto_parent: true }
          : { parent_hash: body.parent_hash ?? hash };
      const script = { ...body, ...parent };
      return deploy(services, { caller, member, script, bodyText, skipIfNoop: false }, pushDependencyJob);
    },
  };
}

function changes(services: Services) {
  const { db } = services;
  const changed = (row: ScriptRow): void =>
    announce(services, row.workspace_id, { paths: [row.path], hashes: [row.hash] });
  const archive = async (call: Who, row: ScriptRow): Promise<void> => {
    requireScriptWritable(call, row);
    await db.transaction(async (tx) => {
      await tx.execute(
        sql`update script set archived = true where workspace_id = ${row.workspace_id} and hash = ${row.hash}`,
      );
      await note(tx, call, { verb: "archive", path: row.path, hash: row.hash });
    });
    changed(row);
  };
  return {
    async archiveScriptByPath(call: CallOf<"archiveScriptByPath">) {
      const row = await deployedAt(db, call, call.params.path);
      await archive(call, row);
      return row.hash;
    },
    async archiveScriptByHash(call: CallOf<"archiveScriptByHash">) {
      const row = await readableVersion(db, call, call.params.hash);
      await archive(call, row);
      return jsonText(scriptJson({ ...row, archived: true }, false));
    },
    async toggleWorkspaceErrorHandlerForScript(call: CallOf<"toggleWorkspaceErrorHandlerForScript">) {
      const row = await deployedAt(db, call, call.params.path);
      requireScriptWritable(call, row);
      const muted = call.body.muted ?? false;
      await db.transaction(async (tx) => {
        await tx.execute(sql`
          update script set options = options || ${sql.json({ ws_error_handler_muted: muted })}::jsonb
          where workspace_id = ${row.workspace_id} and hash = ${row.hash}`);
        await note(tx, call, { verb: "update", path: row.path, hash: row.hash });
      });
      changed(row);
      return muted ? "error handler muted" : "error handler enabled";
    },
    async updateScriptHistory(call: CallOf<"updateScriptHistory">) {
      const { hash, path } = call.params;
      const row = await readableVersion(db, call, hash);
      const head = await readableAt(db, call, path);
      if (row.path !== path && !head.parent_hashes.includes(hash)) throw notFound("Script", hash);
      requireScriptWritable(call, head);
      await db.execute(sql`
        update script set deployment_msg = ${call.body.deployment_msg} where workspace_id = ${row.workspace_id} and hash = ${hash}`);
      return `deployment message of ${hash} updated`;
    },
  };
}

function deletions(services: Services) {
  const { db } = services;
  const erase = async (tx: Queryable, call: Who, path: string): Promise<string[]> => {
    const { workspace } = call.member;
    const row = await readableAt(tx, call, path);
    requireScriptWritable(call, row);
    const rows = [rowAt(call.member, "script", path)];
    await moveToTrash(tx, call.member, { kind: "script", path, acl: row.extra_perms, rows });
    const versions = await tx.query<{ hash: string }>(
      sql`delete from script where workspace_id = ${workspace} and path = ${path} returning hash`,
    );
    await tx.execute(sql`delete from draft where workspace_id = ${workspace} and kind = 'script' and path = ${path}`);
    await tx.execute(
      sql`delete from favorite where workspace_id = ${workspace} and kind = 'script' and path = ${path}`,
    );
    await note(tx, call, { verb: "delete", path });
    return versions.map(({ hash }) => hash);
  };
  const eraseAll = async (call: Who, paths: readonly string[]): Promise<void> => {
    const hashes = await db.transaction(async (tx) => {
      const erased: string[] = [];
      for (const path of paths) erased.push(...(await erase(tx, call, path)));
      return erased;
    });
    announce(services, call.member.workspace, { paths, hashes });
  };
  return {
    async deleteScriptByHash(call: CallOf<"deleteScriptByHash">) {
      const row = await readableVersion(db, call, call.params.hash);
      requireScriptWritable(call, row);
      await db.transaction(async (tx) => {
        await tx.execute(sql`
          update script set content = '', lock = '', schema = null, archived = true, deleted = true
          where workspace_id = ${row.workspace_id} and hash = ${row.hash}`);
        await note(tx, call, { verb: "delete", path: row.path, hash: row.hash });
      });
      announce(services, row.workspace_id, { paths: [row.path], hashes: [row.hash] });
      const erased = await versionOf(db, row.workspace_id, row.hash);
      if (!erased) throw new ApiError("conflict", `Script ${row.hash} was deleted at the same moment`);
      return jsonText(scriptJson(erased, false));
    },
    async deleteScriptByPath(call: CallOf<"deleteScriptByPath">) {
      await eraseAll(call, [call.params.path]);
      return call.params.path;
    },
    async deleteScriptsBulk(call: CallOf<"deleteScriptsBulk">) {
      const paths = [...new Set(call.body.paths)];
      await eraseAll(call, paths);
      return paths;
    },
  };
}

/** Everything that changes scripts; processes that keep scripts in memory are told by the topic `changed`. */
export function scriptWrites(services: Services, pushDependencyJob: PushDependencyJob) {
  return { ...deployments(services, pushDependencyJob), ...changes(services), ...deletions(services) };
}
