import { notFound, type appsOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { requireReadable, requireWritable } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { bundleSecret } from "./apps-bundle.ts";
import { listApps, shownApps, starredBy } from "./apps-list.ts";
import { appAt, appJson, appWith, newestVersions, type AppRow } from "./apps-row.ts";
import { createApp, deleteApp, updateApp, type Who } from "./apps-write.ts";
import { draftAlone, draftOverlay, withOverlay } from "./drafts-overlay.ts";

type Ops = typeof appsOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

interface VersionRow {
  id: number;
  deployment_msg: string | null;
  created_at: Date;
  created_by: string;
}

function versionOf({ id, deployment_msg, created_at, created_by }: VersionRow) {
  return {
    version: id,
    ...(deployment_msg === null ? {} : { deployment_msg }),
    created_at: created_at.toISOString(),
    created_by,
  };
}

const searchLength = 4000;

/** @throws ApiError `not_found` */
export function readableApp(who: Who, row: AppRow | undefined, name: string): AppRow {
  if (!row) throw notFound("App", name);
  const asked = { kind: "App", name };
  requireReadable(who, { domain: "apps", kind: "App", path: row.path, acl: row.extra_perms, asked });
  return row;
}

function single(services: Services) {
  const { db } = services;
  return {
    async getAppByPath(call: CallOf<"getAppByPath">) {
      const { path } = call.params;
      const { workspace, username } = call.member;
      const row = await appAt(db, workspace, path);
      const kind = (row?.raw_app ?? call.query.raw_app) ? "raw_app" : "app";
      const overlay = call.query.get_draft ? await draftOverlay(db, call.member, { kind, path }) : null;
      if (!row && overlay?.own) return jsonText(draftAlone(path, overlay.own, overlay.members));
      const found = readableApp(call, row, path);
      const starred = sql`select 1 from app a where a.id = ${found.id} and ${starredBy(username)}`;
      const text = appJson(found, {
        ...(found.raw_app ? { bundle_secret: await bundleSecret(services, workspace, found.version) } : {}),
        ...(call.query.with_starred_info ? { starred: (await db.maybe(starred)) !== undefined } : {}),
      });
      return jsonText(overlay ? withOverlay(text, overlay.members) : text);
    },
    async getAppLiteByPath(call: CallOf<"getAppLiteByPath">) {
      const { path } = call.params;
      const { value: _, ...row } = readableApp(call, await appAt(db, call.member.workspace, path), path);
      return jsonText(appJson(row, { value: {} }));
    },
    async getAppByVersion(call: CallOf<"getAppByVersion">) {
      const { id } = call.params;
      const row = await appWith(db, call.member.workspace, sql`v.id = ${id}`);
      return jsonText(appJson(readableApp(call, row, String(id))));
    },
    async existsApp(call: CallOf<"existsApp">) {
      const row = await db.maybe(sql`select 1 from app a where ${shownApps(call)} and a.path = ${call.params.path}`);
      return row !== undefined;
    },
    async customPathExists({ params }: CallOf<"customPathExists">) {
      return (await db.maybe(sql`select 1 from app where custom_path = ${params.custom_path}`)) !== undefined;
    },
  };
}

function versions({ db }: Services) {
  return {
    async getAppHistoryByPath(call: CallOf<"getAppHistoryByPath">) {
      const { path } = call.params;
      const { id } = readableApp(call, await appAt(db, call.member.workspace, path), path);
      const rows = await db.query<VersionRow>(sql`
        select id, deployment_msg, created_at, created_by from app_version where app_id = ${id}
        order by id desc ${limitTo(call.query)}`);
      return rows.map(versionOf);
    },
    async getAppLatestVersion(call: CallOf<"getAppLatestVersion">) {
      const { path } = call.params;
      const row = readableApp(call, await appAt(db, call.member.workspace, path), path);
      return versionOf({ ...row, id: row.version });
    },
    async updateAppHistory(call: CallOf<"updateAppHistory">) {
      const { id, version } = call.params;
      const row = await appWith(db, call.member.workspace, sql`a.id = ${id} and v.id = ${version}`);
      const { path, extra_perms } = readableApp(call, row, `${id} version ${version}`);
      requireWritable(call, { domain: "apps", kind: "App", path, acl: extra_perms });
      await db.execute(sql`update app_version set deployment_msg = ${call.body.deployment_msg} where id = ${version}`);
      const { workspace, username } = call.member;
      const [operation, actionKind] = ["apps.update", "Updated"] as const;
      await audit(db, { workspace, username, operation, actionKind, resource: path, parameters: { version } });
      return `deployment message of version ${version} updated`;
    },
  };
}

function lists({ db }: Services) {
  return {
    listApps: (call: CallOf<"listApps">) => listApps(db, call, { rawOnly: false }),
    async listSearchApp(call: CallOf<"listSearchApp">) {
      const rows = await db.query<{ path: string; value: string; truncated: boolean }>(sql`
        select a.path, left(v.value::text, ${searchLength}) as value, length(v.value::text) > ${searchLength} as truncated
        from ${newestVersions} where ${shownApps(call)} order by a.path`);
      return rows.map(({ path, value, truncated }) => ({ path, value, truncated }));
    },
    async listAppPathsFromWorkspaceRunnable(call: CallOf<"listAppPathsFromWorkspaceRunnable">) {
      const { runnable_kind: kind, path } = call.params;
      // Policies name what an app may run as "<component>:<kind>/<path>".
      const named = JSON.stringify(`:${kind}/${path}`).slice(1);
      const rows = await db.query<{ path: string }>(sql`
        select a.path from app a where ${shownApps(call)} and position(${named} in a.policy::text) > 0 order by a.path`);
      return rows.map((row) => row.path);
    },
  };
}

/** Apps: their values are kept and answered as they were sent. */
export function appsHandlers(services: Services): Handlers<Ops> {
  return {
    ...single(services),
    ...versions(services),
    ...lists(services),
    createApp: (call) => createApp(services, call, { fields: call.body, text: call.bodyText, raw: false }),
    updateApp: (call) =>
      updateApp(services, call, { path: call.params.path, fields: call.body, text: call.bodyText, raw: false }),
    async deleteApp(call) {
      const { path } = call.params;
      // `wmill sync push` deletes an app once for each of its files.
      const deleted = await deleteApp(services, call, path);
      return deleted ? `app ${path} deleted` : `there is no app ${path}`;
    },
  };
}
