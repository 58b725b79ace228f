import { jsonMembers } from "@towermill/contract";
import { metadata, shared, type Entry, type Shared } from "./entry.ts";

/** Members named `*Text` and `value` of flows, apps and resources are JSON texts, written as they are stored. */

export interface FlowItem extends Shared {
  summary: string;
  description: string;
  value: string;
  schema: string | null;
  options: Readonly<Record<string, unknown>>;
}

export function flowEntry(flow: FlowItem): Entry {
  const { on_behalf_of: _, labels, ...options } = flow.options;
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== false));
  return metadata(
    `${flow.path}.flow.json`,
    {
      summary: flow.summary,
      description: flow.description,
      ...set,
      ...shared({ ...flow, labels: Array.isArray(labels) ? (labels as string[]) : (flow.labels ?? null) }),
    },
    { value: flow.value, schema: flow.schema },
  );
}

export interface AppItem extends Shared {
  summary: string;
  value: string;
  policy: string;
  custom_path: string | null;
  raw_app: boolean;
}

export function appEntry(app: AppItem): Entry {
  const { summary, custom_path, value, policy } = app;
  const name = `${app.path}.${app.raw_app ? "raw_app" : "app"}.json`;
  return metadata(name, { summary, custom_path, ...shared(app) }, { value, policy });
}

export interface VariableItem extends Shared {
  /** Ciphertext when secret, unless plain secrets were asked for. */
  value: string;
  is_secret: boolean;
  description: string;
}

export function variableEntry(variable: VariableItem): Entry {
  const { value, is_secret, description } = variable;
  return metadata(`${variable.path}.variable.json`, { value, is_secret, description, ...shared(variable) });
}

export interface ResourceItem extends Shared {
  value: string | null;
  description: string | null;
  resource_type: string;
}

export function resourceEntry(resource: ResourceItem): Entry {
  const { value, description, resource_type } = resource;
  return metadata(`${resource.path}.resource.json`, { description, resource_type, ...shared(resource) }, { value });
}

export interface ResourceTypeItem {
  name: string;
  schema: string | null;
  description: string | null;
  display_name: string | null;
  format_extension: string | null;
  is_fileset: boolean | null;
}

export function resourceTypeEntry({ name, schema, is_fileset, ...fields }: ResourceTypeItem): Entry {
  return metadata(`${name}.resource-type.json`, { ...fields, is_fileset: is_fileset || null }, { schema });
}

export interface ScheduleItem extends Shared {
  schedule: string;
  timezone: string;
  enabled: boolean;
  script_path: string;
  is_flow: boolean;
  cron_version: string | null;
  summary: string | null;
  description: string | null;
  paused_until: Date | null;
  permissioned_as: string;
  email: string;
  args: string | null;
  /** JSON text of every other field that is set. */
  options: string;
}

export function scheduleEntry(item: ScheduleItem): Entry {
  const { path, args, options, extra_perms: _, labels: __, ...fields } = item;
  const set = [...jsonMembers(options)].filter(([, text]) => text !== "null");
  return metadata(`${path}.schedule.json`, { ...fields, ...shared(item) }, { args, ...Object.fromEntries(set) });
}

export interface TriggerItem extends Shared {
  /** `http`, `kafka`… */
  kind: string;
  script_path: string;
  is_flow: boolean;
  mode: string;
  permissioned_as: string;
  /** JSON text of what the kind adds. */
  config: string;
}

export function triggerEntry(trigger: TriggerItem): Entry {
  const { script_path, is_flow, mode, permissioned_as } = trigger;
  return metadata(
    `${trigger.path}.${trigger.kind}_trigger.json`,
    { script_path, is_flow, mode, permissioned_as, ...shared(trigger) },
    Object.fromEntries(jsonMembers(trigger.config)),
  );
}

export interface NativeTriggerItem {
  service_name: string;
  external_id: string;
  script_path: string;
  is_flow: boolean;
  summary: string | null;
  service_config: string;
}

export function nativeTriggerEntry(trigger: NativeTriggerItem): Entry {
  const { script_path, is_flow, summary, service_config, external_id, service_name } = trigger;
  const name = `${script_path}.${is_flow ? "flow" : "script"}.${external_id}.${service_name}_native_trigger.json`;
  return metadata(name, { script_path, is_flow, summary }, { service_config });
}
