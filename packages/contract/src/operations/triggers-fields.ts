import { z } from "zod";
import { storable } from "./item.ts";

/** What each kind of trigger needs. Other fields are kept as they are sent. */

const strings = z.array(storable);
const any = z.array(z.unknown());
const filters = { filters: any.nullish(), filter_logic: z.enum(["and", "or"]).nullish() };

const http = z
  .object({
    route_path: storable
      .max(500)
      .regex(
        /^(?!\/)(:?[\w.~%@+*-]+\/?)*$/,
        "is no route: segments of letters, digits, _ . - ~, or :name, with / between",
      )
      .optional(),
    http_method: z.enum(["get", "post", "put", "delete", "patch"]),
    request_type: z.enum(["sync", "async", "sync_sse"]).nullish(),
    authentication_method: z
      .enum(["none", "windmill", "api_key", "basic_http", "custom_script", "signature"])
      .nullish(),
    workspaced_route: z.boolean().nullish(),
    is_static_website: z.boolean().nullish(),
    wrap_body: z.boolean().nullish(),
    raw_string: z.boolean().nullish(),
  })
  .loose();

export const triggerFields = {
  http,
  websocket: z.object({ url: storable, ...filters }).loose(),
  kafka: z.object({ kafka_resource_path: storable, group_id: storable, topics: strings, ...filters }).loose(),
  nats: z.object({ nats_resource_path: storable, subjects: strings, use_jetstream: z.boolean().nullish() }).loose(),
  mqtt: z.object({ mqtt_resource_path: storable, subscribe_topics: any }).loose(),
  amqp: z.object({ amqp_resource_path: storable, queue_name: storable }).loose(),
  sqs: z.object({ queue_url: storable, aws_resource_path: storable }).loose(),
  gcp: z.object({ topic_id: storable, subscription_id: storable.nullish() }).loose(),
  azure: z.object({ azure_resource_path: storable, scope_resource_id: storable, subscription_name: storable }).loose(),
  postgres: z
    .object({
      postgres_resource_path: storable,
      publication_name: storable.nullish(),
      replication_slot_name: storable.nullish(),
    })
    .loose(),
  email: z
    .object({
      local_part: storable.regex(/^[A-Za-z0-9._-]{1,64}$/, "is no name before an @: letters, digits, . _ -"),
      workspaced_local_part: z.boolean().nullish(),
    })
    .loose(),
} as const;

export type TriggerKind = keyof typeof triggerFields;

/** Values of fields that clients expect and that were not sent. */
export const triggerDefaults: Readonly<Record<TriggerKind, Readonly<Record<string, unknown>>>> = {
  http: {
    request_type: "sync",
    authentication_method: "none",
    is_static_website: false,
    workspaced_route: false,
    wrap_body: false,
    raw_string: false,
  },
  websocket: { filters: [], can_return_message: false, can_return_error_result: false },
  kafka: { filters: [] },
  nats: { use_jetstream: false },
  mqtt: {},
  amqp: {},
  sqs: { aws_auth_resource_type: "credentials" },
  gcp: { delivery_type: "pull", subscription_mode: "existing" },
  azure: {},
  postgres: {},
  email: { workspaced_local_part: false },
};
