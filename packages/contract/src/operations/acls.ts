import { z } from "zod";
import { operation } from "../operation.ts";
import { principal } from "./identity-fields.ts";

const kind = z.enum([
  "script",
  "group_",
  "resource",
  "schedule",
  "variable",
  "flow",
  "folder",
  "app",
  "raw_app",
  "http_trigger",
  "websocket_trigger",
  "kafka_trigger",
  "nats_trigger",
  "postgres_trigger",
  "mqtt_trigger",
  "amqp_trigger",
  "gcp_trigger",
  "azure_trigger",
  "sqs_trigger",
  "email_trigger",
  "volume",
]);
const params = z.object({ workspace: z.string(), kind, path: z.string() });

export const aclOperations = [
  operation({
    id: "getGranularAcls",
    method: "GET",
    path: "/w/{workspace}/acls/get/{kind}/{path}",
    tag: "GranularAcl",
    summary: "Extra permissions of one item",
    access: "member",
    scope: { domain: "acls", action: "read" },
    params,
    answer: z.record(z.string(), z.boolean()),
  }),
  operation({
    id: "addGranularAcls",
    method: "POST",
    path: "/w/{workspace}/acls/add/{kind}/{path}",
    tag: "GranularAcl",
    summary: "Give a user or group access to one item; write: true to change it, else to read it",
    access: "developer",
    scope: { domain: "acls", action: "write" },
    params,
    body: z.object({ owner: principal, write: z.boolean().nullish() }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "removeGranularAcls",
    method: "POST",
    path: "/w/{workspace}/acls/remove/{kind}/{path}",
    tag: "GranularAcl",
    summary: "Take the access of a user or group to one item away",
    access: "developer",
    scope: { domain: "acls", action: "write" },
    params,
    body: z.object({ owner: principal }),
    answer: z.string(),
    media: "text",
  }),
] as const;
