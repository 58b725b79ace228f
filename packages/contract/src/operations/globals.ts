import { z } from "zod";
import { operation } from "../operation.ts";
import { anyJson, jsonRecord, line } from "./identity-fields.ts";

const settingName = z.string().regex(/^[\w.-]{1,200}$/, "is not the name of a setting");

const settings = { tag: "Setting", deniesJobTokens: true } as const;
const message = { answer: z.string(), media: "text" } as const;
const read = { domain: "settings", action: "read" } as const;
const write = { domain: "settings", action: "write" } as const;

export const globalOperations = [
  operation({
    id: "getGlobal",
    method: "GET",
    path: "/settings/global/{key}",
    tag: "Setting",
    summary: "An instance setting, null when it is not set",
    access: "user",
    params: z.object({ key: settingName }),
    answer: z.unknown(),
  }),
  operation({
    ...settings,
    ...message,
    id: "setGlobal",
    method: "POST",
    path: "/settings/global/{key}",
    summary: "Set an instance setting, or remove it with null",
    access: "superadmin",
    scope: write,
    params: z.object({ key: settingName }),
    body: z.object({ value: anyJson.optional() }),
  }),
  operation({
    ...settings,
    id: "listGlobalSettings",
    method: "GET",
    path: "/settings/list_global",
    summary: "All instance settings",
    access: "superadmin",
    scope: read,
    answer: z.array(z.object({ name: z.string(), value: z.unknown() })),
  }),
  operation({
    ...settings,
    id: "getLocal",
    method: "GET",
    path: "/settings/local",
    summary: "Settings of this server",
    access: "superadmin",
    scope: read,
    answer: z.object({ base_url: z.string() }),
  }),
  operation({
    id: "getInstanceUi",
    method: "GET",
    path: "/settings/instance_ui",
    tag: "Setting",
    summary: "Banner and colour of the instance",
    access: "public",
    answer: z.object({ instance_banner: z.unknown(), accent_color: z.unknown() }),
  }),
  operation({
    ...settings,
    id: "getInstanceConfig",
    method: "GET",
    path: "/settings/instance_config",
    summary: "All instance settings and worker group configurations as one document",
    access: "superadmin",
    scope: read,
    answer: z.object({
      global_settings: z.record(z.string(), z.unknown()),
      worker_configs: z.record(z.string(), z.unknown()),
    }),
  }),
  operation({
    ...settings,
    ...message,
    id: "setInstanceConfig",
    method: "PUT",
    path: "/settings/instance_config",
    summary: "Set instance settings and worker group configurations; what is left out stays, null removes",
    access: "superadmin",
    scope: write,
    body: z.object({
      global_settings: z.record(settingName, anyJson).nullish(),
      worker_configs: z.record(settingName, jsonRecord.nullable()).nullish(),
    }),
  }),
  operation({
    id: "getMinKeepAliveVersion",
    method: "GET",
    path: "/min_keep_alive_version",
    tag: "Setting",
    summary: "Oldest versions of workers that are kept alive",
    access: "public",
    answer: z.object({ worker: z.string(), agent: z.string() }),
  }),
] as const;

const configName = z.object({ name: line(200).min(1) });
const readConfigs = { domain: "configs", action: "read" } as const;
const writeConfigs = { domain: "configs", action: "write" } as const;

export const configOperations = [
  operation({
    id: "listWorkerGroups",
    method: "GET",
    path: "/configs/list_worker_groups",
    tag: "Config",
    summary: "Worker groups; without an instance role only the tags they serve",
    access: "user",
    scope: readConfigs,
    answer: z.array(z.object({ name: z.string(), config: z.unknown() })),
  }),
  operation({
    id: "listConfigs",
    method: "GET",
    path: "/configs/list",
    tag: "Config",
    summary: "All configurations",
    access: "devops",
    scope: readConfigs,
    answer: z.array(z.object({ name: z.string(), config: z.unknown() })),
  }),
  operation({
    id: "getConfig",
    method: "GET",
    path: "/configs/get/{name}",
    tag: "Config",
    summary: "A configuration, null when there is none",
    access: "devops",
    scope: readConfigs,
    params: configName,
    answer: z.unknown(),
  }),
  operation({
    id: "updateConfig",
    method: "POST",
    path: "/configs/update/{name}",
    tag: "Config",
    summary: "Set a configuration",
    access: "superadmin",
    scope: writeConfigs,
    deniesJobTokens: true,
    params: configName,
    body: jsonRecord,
    ...message,
  }),
  operation({
    id: "deleteConfig",
    method: "DELETE",
    path: "/configs/update/{name}",
    tag: "Config",
    summary: "Delete a configuration",
    access: "superadmin",
    scope: writeConfigs,
    deniesJobTokens: true,
    params: configName,
    ...message,
  }),
] as const;
