import type { scriptsOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { visible } from "../http/visibility.ts";
import { listedTokenJson, webhookTokens } from "../identity/listed-token.ts";
import type { PushDependencyJob } from "../scripts/deploy.ts";
import { readableAt, readableVersion } from "../scripts/find.ts";
import { newestAt, scriptJson, type ScriptRow } from "../scripts/row.ts";
import type { Services } from "../services.ts";
import { draftAlone, draftOverlay, withOverlay } from "./drafts-overlay.ts";
import { scriptWrites } from "./scripts-write.ts";
import { triggerCounts } from "./triggers-runnable.ts";

type Ops = typeof scriptsOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

interface VersionRow {
  hash: string;
  deployment_msg: string | null;
  created_at: Date;
  created_by: string;
}

function versionJson({ hash, deployment_msg, created_at, created_by }: VersionRow) {
  return {
    script_hash: hash,
    ...(deployment_msg === null ? {} : { deployment_msg }),
    created_at: created_at.toISOString(),
    created_by,
  };
}

function readers({ db }: Services) {
  const starred = async (
    wanted: boolean | undefined,
    { member }: Pick<CallOf<"getScriptByPath">, "member">,
    path: string,
  ): Promise<boolean> =>
    wanted === true &&
    (await db.maybe(sql`
      select 1 from favorite where workspace_id = ${member.workspace} and username = ${member.username}
        and kind = 'script' and path = ${path}`)) !== undefined;
  return {
    async getScriptByPath(call: CallOf<"getScriptByPath">) {
      const { path } = call.params;
      const overlay = call.query.get_draft ? await draftOverlay(db, call.member, { kind: "script", path }) : null;
      if (overlay?.own && !(await newestAt(db, call.member.workspace, path))) {
        return jsonText(draftAlone(path, overlay.own, overlay.members));
      }
      const row = await readableAt(db, call, path);
      const text = scriptJson(row, await starred(call.query.with_starred_info, call, path));
      return jsonText(overlay ? withOverlay(text, overlay.members) : text);
    },
    async getScriptByHash(call: CallOf<"getScriptByHash">) {
      const row = await readableVersion(db, call, call.params.hash);
      return jsonText(scriptJson(row, await starred(call.query.with_starred_info, call, row.path)));
    },
    async existsScriptByPath({ member, caller, params }: CallOf<"existsScriptByPath">) {
      const shown = visible(member, patternsOf(caller, "scripts"), { path: sql`path`, extraPerms: sql`extra_perms` });
      const row = await db.maybe(sql`
        select 1 from script where workspace_id = ${member.workspace} and path = ${params.path}
          and not archived and not deleted and ${shown}`);
      return row !== undefined;
    },
    async getScriptHistoryByPath(call: CallOf<"getScriptHistoryByPath">) {
      const { hash, parent_hashes } = await readableAt(db, call, call.params.path);
      const rows = await db.query<VersionRow>(sql`
        select hash, deployment_msg, created_at, created_by from script
        where workspace_id = ${call.member.workspace} and hash = any(${[hash, ...parent_hashes]}::text[]) and not deleted
        order by created_at desc, hash ${limitTo(call.query)}`);
      return rows.map(versionJson);
    },
    async getScriptLatestVersion(call: CallOf<"getScriptLatestVersion">) {
      return versionJson(await readableAt(db, call, call.params.path));
    },
    async getScriptDeploymentStatus(call: CallOf<"getScriptDeploymentStatus">) {
      const { lock, lock_error_logs, lock_job }: ScriptRow = await readableVersion(db, call, call.params.hash);
      return {
        ...(lock === null ? {} : { lock }),
        ...(lock_error_logs === null ? {} : { lock_error_logs }),
        ...(lock_job === null ? {} : { job_id: lock_job }),
      };
    },
  };
}

function triggers({ db }: Services) {
  const tokensOf = ({ member, params }: Pick<CallOf<"listTokensOfScript">, "member" | "params">) =>
    webhookTokens(db, member, `jobs:run:scripts:${params.path}`);
  return {
    async getTriggersCountOfScript(call: CallOf<"getTriggersCountOfScript">) {
      const { path } = await readableAt(db, call, call.params.path);
      const counts = await triggerCounts(db, { workspace: call.member.workspace, path, isFlow: false });
      return { ...counts, webhook_count: (await tokensOf(call)).length };
    },
    async listTokensOfScript(call: CallOf<"listTokensOfScript">) {
      await readableAt(db, call, call.params.path);
      return (await tokensOf(call)).map(listedTokenJson);
    },
  };
}

/** Scripts: versions by hash, of which one per path is deployed. */
export function scriptsHandlers(
  services: Services,
  { pushDependencyJob }: { pushDependencyJob: PushDependencyJob },
): Handlers<Ops> {
  return { ...readers(services), ...triggers(services), ...scriptWrites(services, pushDependencyJob) };
}
