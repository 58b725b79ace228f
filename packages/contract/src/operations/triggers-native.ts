import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { storable } from "./item.ts";

const service = z.enum(["nextcloud", "google", "github"]);
const ofService = z.object({ workspace: storable, service_name: service });
const one = ofService.extend({ external_id: storable });

const content = z.object({
  script_path: storable,
  is_flow: z.boolean(),
  service_config: z.record(z.string(), z.unknown()),
  summary: storable.nullish(),
  enabled: z.boolean().nullish(),
});

const shown = z.record(z.string(), z.unknown());
const reading = {
  method: "GET",
  tag: "NativeTrigger",
  access: "member",
  scope: { domain: "native_triggers", action: "read" },
} as const;
const writing = {
  method: "POST",
  tag: "NativeTrigger",
  access: "developer",
  scope: { domain: "native_triggers", action: "write" },
} as const;

export const nativeTriggersOperations = [
  operation({
    ...writing,
    id: "createNativeTrigger",
    path: "/w/{workspace}/native_triggers/{service_name}/create",
    summary: "Store a trigger on events of another service",
    params: ofService,
    body: content,
    answer: z.object({ external_id: z.string() }),
    status: 201,
  }),
  operation({
    ...writing,
    id: "updateNativeTrigger",
    path: "/w/{workspace}/native_triggers/{service_name}/update/{external_id}",
    summary: "Change a trigger on events of another service",
    params: one,
    body: content,
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...writing,
    id: "setNativeTriggerEnabled",
    path: "/w/{workspace}/native_triggers/{service_name}/setenabled/{external_id}",
    summary: "Enable or disable a trigger on events of another service",
    params: one,
    body: z.object({ enabled: z.boolean() }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...writing,
    id: "deleteNativeTrigger",
    method: "DELETE",
    path: "/w/{workspace}/native_triggers/{service_name}/delete/{external_id}",
    summary: "Delete a trigger on events of another service",
    params: one,
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...reading,
    id: "getNativeTrigger",
    path: "/w/{workspace}/native_triggers/{service_name}/get/{external_id}",
    summary: "A trigger on events of another service, as it is stored here",
    params: one,
    answer: shown,
  }),
  operation({
    ...reading,
    id: "listNativeTriggers",
    path: "/w/{workspace}/native_triggers/{service_name}/list",
    summary: "The triggers on events of another service",
    params: ofService,
    query: z.object({
      ...paging,
      path: storable.optional(),
      is_flow: flag,
      label: storable.optional(),
      include_draft_only: flag,
    }),
    answer: z.array(shown),
  }),
  operation({
    ...reading,
    id: "existsNativeTrigger",
    path: "/w/{workspace}/native_triggers/{service_name}/exists/{external_id}",
    summary: "Whether a trigger on events of another service exists",
    params: one,
    answer: z.boolean(),
  }),
] as const;
