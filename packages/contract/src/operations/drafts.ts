import { z } from "zod";
import { operation } from "../operation.ts";
import { flag } from "../query.ts";
import { inWorkspace, storable } from "./item.ts";

export const draftKinds = [
  "script",
  "flow",
  "app",
  "raw_app",
  "resource",
  "variable",
  "trigger_schedule",
  "trigger_webhook",
  "trigger_default_email",
  "trigger_email",
  "trigger_http",
  "trigger_websocket",
  "trigger_postgres",
  "trigger_kafka",
  "trigger_nats",
  "trigger_mqtt",
  "trigger_amqp",
  "trigger_sqs",
  "trigger_gcp",
  "trigger_azure",
  "trigger_poll",
  "trigger_cli",
  "trigger_nextcloud",
  "trigger_google",
  "trigger_github",
  "data_pipeline",
] as const;

const read = { domain: "drafts", action: "read" } as const;
const write = { domain: "drafts", action: "write" } as const;
const place = z.object({ workspace: storable, kind: z.enum(draftKinds), path: storable });
const draft = z.object({ value: z.unknown(), created_at: z.string() });

export const draftsOperations = [
  operation({
    id: "listDrafts",
    method: "GET",
    path: "/w/{workspace}/drafts/list",
    tag: "Draft",
    summary: "One's drafts, or everybody's",
    access: "developer",
    scope: read,
    params: inWorkspace,
    query: z.object({ all_users: flag, compare_to_workspace: storable.optional() }),
    answer: z.array(
      z.object({
        kind: z.string(),
        path: z.string(),
        summary: z.string().optional(),
        draft_path: z.string().optional(),
        draft_only: z.boolean(),
        legacy_draft: z.boolean(),
        created_at: z.string(),
        can_write: z.boolean(),
        mine: z.boolean(),
        draft_users: z.array(z.object({ username: z.string().nullable() })).optional(),
      }),
    ),
  }),
  operation({
    id: "getDraftForUser",
    method: "GET",
    path: "/w/{workspace}/drafts/get/{kind}/{path}",
    tag: "Draft",
    summary: "The draft of another member",
    access: "developer",
    scope: read,
    params: place,
    query: z.object({ username: storable.optional() }),
    answer: draft,
  }),
  operation({
    id: "getOwnDraft",
    method: "GET",
    path: "/w/{workspace}/drafts/get_own/{kind}/{path}",
    tag: "Draft",
    summary: "One's own draft, or null",
    access: "developer",
    scope: read,
    params: place,
    answer: draft.nullable(),
  }),
  operation({
    id: "updateDraft",
    method: "POST",
    path: "/w/{workspace}/drafts/update/{kind}/{path}",
    tag: "Draft",
    summary: "Save one's draft, or delete it with a null value; refused when another tab saved since last_sync",
    access: "developer",
    scope: write,
    params: place,
    body: z.object({
      value: z.unknown().optional(),
      last_sync: z.iso.datetime({ offset: true }).nullish(),
      force: z.boolean().nullish(),
      legacy: z.boolean().nullish(),
      created_at: z.iso.datetime({ offset: true }).nullish(),
    }),
    answer: z.object({
      status: z.enum(["saved", "conflict"]),
      current_timestamp: z.string(),
      path: z.string().optional(),
    }),
  }),
  operation({
    id: "moveDraft",
    method: "POST",
    path: "/w/{workspace}/drafts/move/{kind}/{path}",
    tag: "Draft",
    summary: "Give a draft of something not deployed another path",
    access: "developer",
    scope: write,
    params: z.object({ workspace: storable, kind: z.enum(["script", "flow", "app", "raw_app"]), path: storable }),
    body: z.object({ new_path: storable, summary: storable.nullish() }),
    answer: z.string(),
    media: "text",
  }),
] as const;
