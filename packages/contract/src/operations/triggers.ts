import { z } from "zod";
import { operation, type OperationSpec } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { atPath, inWorkspace, storable } from "./item.ts";
import { triggerFields, type TriggerKind } from "./triggers-fields.ts";

const modes = z.enum(["enabled", "disabled", "suspended"]);

const common = z.object({
  path: storable,
  script_path: storable,
  is_flow: z.boolean(),
  mode: modes.nullish(),
  enabled: z.boolean().nullish(),
  permissioned_as: storable.nullish(),
  preserve_permissioned_as: z.boolean().nullish(),
  labels: z.array(storable).nullish(),
});

export type TriggerBody = z.output<typeof common>;

/** Names of kinds in operation ids; a list's is its plural. */
const names: Readonly<Record<TriggerKind, string>> = {
  http: "HttpTrigger",
  websocket: "WebsocketTrigger",
  kafka: "KafkaTrigger",
  nats: "NatsTrigger",
  mqtt: "MqttTrigger",
  amqp: "AmqpTrigger",
  sqs: "SqsTrigger",
  gcp: "GcpTrigger",
  azure: "AzureTrigger",
  postgres: "PostgresTrigger",
  email: "EmailTrigger",
};

export const triggerKinds = Object.keys(names) as readonly TriggerKind[];

export type TriggerVerb = "create" | "update" | "delete" | "get" | "list" | "exists" | "setMode";

const list = z.object({
  ...paging,
  path: storable.optional(),
  is_flow: flag,
  path_start: storable.optional(),
  label: storable.optional(),
  include_draft_only: flag,
});

function readingOf(kind: TriggerKind) {
  const base = `/w/{workspace}/${kind}_triggers` as const;
  const name = names[kind];
  const scope = { domain: `${kind}_triggers`, action: "read" } as const;
  const reading = { method: "GET", tag: name, access: "member", scope } as const;
  return {
    get: operation({
      ...reading,
      id: `get${name}`,
      path: `${base}/get/{path}`,
      summary: `A trigger of kind ${kind}`,
      params: atPath,
      query: z.object({ get_draft: flag }),
      answer: z.record(z.string(), z.unknown()),
    }),
    list: operation({
      ...reading,
      id: `list${name}s`,
      narrows: true,
      path: `${base}/list`,
      summary: `The triggers of kind ${kind} one may read`,
      params: inWorkspace,
      query: list,
      answer: z.array(z.record(z.string(), z.unknown())),
    }),
    exists: operation({
      ...reading,
      id: `exists${name}`,
      path: `${base}/exists/{path}`,
      summary: `Whether a trigger of kind ${kind} exists`,
      params: atPath,
      answer: z.boolean(),
    }),
  };
}

function writingOf(kind: TriggerKind) {
  const base = `/w/{workspace}/${kind}_triggers` as const;
  const name = names[kind];
  const body = common.loose().and(triggerFields[kind]);
  const scope = { domain: `${kind}_triggers`, action: "write" } as const;
  const writing = { method: "POST", tag: name, access: "developer", scope, answer: z.string(), media: "text" } as const;
  return {
    create: operation({
      ...writing,
      id: `create${name}`,
      path: `${base}/create`,
      summary: `Create a trigger of kind ${kind}`,
      params: inWorkspace,
      body,
      status: 201,
    }),
    update: operation({
      ...writing,
      id: `update${name}`,
      path: `${base}/update/{path}`,
      summary: `Replace a trigger of kind ${kind}, or move it; its mode stays unless given`,
      params: atPath,
      body,
    }),
    delete: operation({
      ...writing,
      id: `delete${name}`,
      method: "DELETE",
      path: `${base}/delete/{path}`,
      summary: `Move a trigger of kind ${kind} to the trash`,
      params: atPath,
    }),
    setMode: operation({
      ...writing,
      id: `set${name}Mode`,
      path: `${base}/setmode/{path}`,
      summary: `Enable, disable or suspend a trigger of kind ${kind}`,
      params: atPath,
      body: z.object({ mode: modes, force: z.boolean().nullish() }),
    }),
  };
}

/** The operations that every kind of trigger has, by what they do. */
export function triggerOperationsOf(kind: TriggerKind) {
  return { ...writingOf(kind), ...readingOf(kind) };
}

export const triggersOperations: readonly OperationSpec[] = triggerKinds.flatMap((kind) =>
  Object.values(triggerOperationsOf(kind)),
);

export const triggerAddressOperations = [
  operation({
    id: "existsRoute",
    method: "POST",
    path: "/w/{workspace}/http_triggers/route_exists",
    tag: "HttpTrigger",
    summary: "Whether another trigger answers to this method and route",
    access: "member",
    scope: { domain: "http_triggers", action: "read" },
    readsOnly: true,
    params: inWorkspace,
    body: z.object({
      route_path: storable,
      http_method: z.enum(["get", "post", "put", "delete", "patch"]),
      trigger_path: storable.nullish(),
      workspaced_route: z.boolean().nullish(),
    }),
    answer: z.boolean(),
  }),
  operation({
    id: "existsEmailLocalPart",
    method: "POST",
    path: "/w/{workspace}/email_triggers/local_part_exists",
    tag: "EmailTrigger",
    summary: "Whether another trigger has this address",
    access: "member",
    scope: { domain: "email_triggers", action: "read" },
    readsOnly: true,
    params: inWorkspace,
    body: z.object({
      local_part: storable,
      trigger_path: storable.nullish(),
      workspaced_local_part: z.boolean().nullish(),
    }),
    answer: z.boolean(),
  }),
  operation({
    id: "listTriggerHistory",
    method: "GET",
    path: "/w/{workspace}/triggers_history/list",
    tag: "Trigger",
    summary: "What was done to triggers, newest first",
    access: "member",
    scope: { domain: "workspaces", action: "read" },
    params: inWorkspace,
    query: z.object({ ...paging, trigger_kind: storable.optional(), path: storable.optional() }),
    answer: z.array(z.record(z.string(), z.unknown())),
  }),
] as const;
