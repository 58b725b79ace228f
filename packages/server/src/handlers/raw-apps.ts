import { ApiError, notFound, type rawAppsOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { z } from "zod";
import { parseJson, parsePart, readBody } from "../http/body.ts";
import type { Call, Handlers } from "../http/call.ts";
import { headerOf } from "../http/socket.ts";
import type { Services } from "../services.ts";
import { bundleSecret, versionOfSecret } from "./apps-bundle.ts";
import { listApps } from "./apps-list.ts";
import { appAt, appWith } from "./apps-row.ts";
import { createApp, updateApp, type AppChange } from "./apps-write.ts";
import { readableApp } from "./apps.ts";

type Ops = typeof rawAppsOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

const text = z.string().refine((value) => !value.includes("\u0000"), "must not hold a NUL character");
const sentApp = z.object({
  path: text.nullish(),
  value: z.unknown().optional(),
  summary: text.nullish(),
  policy: z.record(z.string(), z.unknown()).nullish(),
  deployment_message: text.nullish(),
  custom_path: text.nullish(),
  preserve_on_behalf_of: z.boolean().nullish(),
  labels: z.array(text).nullish(),
  skip_draft_deletion: z.boolean().nullish(),
  allow_kind_change: z.boolean().nullish(),
});

async function partText(form: FormData, name: string): Promise<string | null> {
  const part = form.get(name);
  return part === null || typeof part === "string" ? part : part.text();
}

/** The parts `app`, `js` and `css` of a multipart body. @throws ApiError `bad_request`, `bad_json`, `too_large` */
async function readParts(request: Request, limit: number): Promise<AppChange> {
  const body = await readBody(request, limit);
  const type = headerOf(request, "content-type") ?? "";
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData().catch(() => {
    throw new ApiError("bad_request", "body: expected multipart/form-data with the parts app, js and css");
  });
  const app = await partText(form, "app");
  if (app === null) throw new ApiError("bad_request", "body.app: is missing");
  const fields = parsePart(sentApp, parseJson(app), "body");
  const [js, css] = [await partText(form, "js"), await partText(form, "css")];
  for (const [name, code] of [
    ["js", js],
    ["css", css],
  ] as const) {
    if (code?.includes("\0")) throw new ApiError("bad_request", `body.${name}: must not hold a NUL character`);
  }
  return { fields, text: app, raw: true, bundle: { js, css } };
}

function bundles(services: Services) {
  const { db } = services;
  return {
    async getRawAppData(call: CallOf<"getRawAppData">) {
      const { workspace } = call.member;
      const [, secret = "", extension] = /^(.*)\.(js|css)$/.exec(call.params.secretWithExtension) ?? [];
      const version = await versionOfSecret(services, workspace, secret);
      if (version === null || !extension) throw notFound("Bundle", call.params.secretWithExtension);
      readableApp(call, await appWith(db, workspace, sql`v.id = ${version}`), secret);
      const row = await db.maybe<{ code: string | null }>(
        sql`select ${sql.ident(extension)} as code from app_version where id = ${version}`,
      );
      if (row?.code === undefined || row.code === null) throw notFound("Bundle", call.params.secretWithExtension);
      const type = extension === "js" ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8";
      return new Response(row.code, { headers: { "content-type": type, "x-content-type-options": "nosniff" } });
    },
    async getPublicSecretOfLatestVersionOfApp(call: CallOf<"getPublicSecretOfLatestVersionOfApp">) {
      const { workspace } = call.member;
      const { path } = call.params;
      const row = readableApp(call, await appAt(db, workspace, path), path);
      return bundleSecret(services, workspace, row.version);
    },
  };
}

/** Apps of one's own code: the source is their value, the bundle is kept beside it. */
export function rawAppsHandlers(services: Services): Handlers<Ops> {
  return {
    ...bundles(services),
    createAppRaw: async (call) => createApp(services, call, await readParts(call.request, services.bodyLimit)),
    updateAppRaw: async (call) =>
      updateApp(services, call, { path: call.params.path, ...(await readParts(call.request, services.bodyLimit)) }),
    createAppRawSource: (call) => createApp(services, call, { fields: call.body, text: call.bodyText, raw: true }),
    updateAppRawSource: (call) =>
      updateApp(services, call, { path: call.params.path, fields: call.body, text: call.bodyText, raw: true }),
    listRawApps: (call) => listApps(services.db, call, { rawOnly: true }),
  };
}
