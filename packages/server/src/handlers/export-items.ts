import { allowed, ApiError, triggerKinds, type ExportQuery } from "@towermill/contract";
import { sql } from "@towermill/store";
import { CipherError, type Vault } from "@towermill/vault";
import {
  appEntry,
  flowEntry,
  nativeTriggerEntry,
  resourceEntry,
  resourceTypeEntry,
  scheduleEntry,
  scriptEntries,
  triggerEntry,
  variableEntry,
  type AppItem,
  type Entry,
  type FlowItem,
  type NativeTriggerItem,
  type ResourceItem,
  type ResourceTypeItem,
  type ScheduleItem,
  type ScriptItem,
  type TriggerItem,
  type VariableItem,
} from "@towermill/workspace-files";
import type { Services } from "../services.ts";
import { readableRows, type Readable, type Reader } from "./export-read.ts";
import { triggerTable } from "./triggers-row.ts";

type Entries = AsyncGenerator<Entry>;

/** A row as the files take it; permissions go along only when they were asked for. */
function item<Row extends Readable>(row: Row, query: ExportQuery): Row {
  return query.preserve_extra_perms ? row : { ...row, extra_perms: {} };
}

async function* scripts(reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.summary, t.description, t.content, t.language, t.kind, t.schema, t.lock, t.is_template,
    t.options, t.extra_perms`;
  const condition = sql`not t.archived and not t.deleted and not t.draft_only`;
  const source = { domain: "scripts", columns, table: sql`script`, condition } as const;
  for await (const row of readableRows<ScriptItem & Readable>(reader, source)) {
    yield* scriptEntries(item(row, query), { defaultTs: query.default_ts });
  }
}

async function* flows(reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.summary, t.description, t.value, t.schema, t.options, t.extra_perms`;
  const condition = sql`not t.archived and not t.draft_only`;
  const source = { domain: "flows", columns, table: sql`flow`, condition } as const;
  for await (const row of readableRows<FlowItem & Readable>(reader, source)) yield flowEntry(item(row, query));
}

async function* apps(reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.summary, t.policy, t.custom_path, t.raw_app, t.labels, t.extra_perms,
    (select v.value from app_version v where v.id = t.version) as value`;
  const source = { domain: "apps", columns, table: sql`app` } as const;
  for await (const row of readableRows<AppItem & Readable>(reader, source)) yield appEntry(item(row, query));
}

async function* variables({ vault }: { vault: Pick<Vault, "decrypt"> }, reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.value, t.is_secret, t.description, t.labels, t.extra_perms`;
  const condition = query.skip_secrets ? sql`not t.is_secret` : sql`true`;
  const plain = query.plain_secret ?? query.plain_secrets ?? false;
  const source = { domain: "variables", columns, table: sql`variable`, condition } as const;
  for await (const row of readableRows<VariableItem & Readable>(reader, source)) {
    const opened = row.is_secret && plain;
    const value = opened ? await vault.decrypt(reader.member.workspace, row.value) : row.value;
    yield variableEntry(item({ ...row, value }, query));
  }
}

/**
 * Opens every secret once, because an archive that has begun cannot tell why it ends.
 * @throws ApiError `bad_request` naming the variable that cannot be opened
 */
export async function requireReadableSecrets({ vault }: Services, reader: Reader): Promise<void> {
  const columns = sql`t.path, t.value, t.extra_perms`;
  const source = { domain: "variables", columns, table: sql`variable`, condition: sql`t.is_secret` } as const;
  for await (const { path, value } of readableRows<Readable & { value: string }>(reader, source)) {
    await vault.decrypt(reader.member.workspace, value).catch((error: unknown) => {
      if (!(error instanceof CipherError)) throw error;
      throw new ApiError(
        "bad_request",
        `Variable ${path} cannot be decrypted: it was not encrypted with the key of ${reader.member.workspace}. Set its value again`,
      );
    });
  }
}

async function* resources(reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.value, t.description, t.resource_type, t.labels, t.extra_perms`;
  // What runs write is no part of what people wrote.
  const condition = sql`t.resource_type not in ('state', 'cache')`;
  const source = { domain: "resources", columns, table: sql`resource`, condition } as const;
  for await (const row of readableRows<ResourceItem & Readable>(reader, source)) yield resourceEntry(item(row, query));
}

async function* resourceTypes({ db, member }: Reader): Entries {
  const rows = await db.query<ResourceTypeItem & object>(sql`
    select name, schema, description, display_name, format_extension, is_fileset from resource_type
    where workspace_id = ${member.workspace} order by name`);
  for (const row of rows) yield resourceTypeEntry(row);
}

async function* schedules(reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.schedule, t.timezone, t.enabled, t.script_path, t.is_flow, t.cron_version, t.summary,
    t.description, t.paused_until, t.permissioned_as, t.email, t.args, t.options, t.labels, t.extra_perms`;
  const source = { domain: "schedules", columns, table: sql`schedule` } as const;
  for await (const row of readableRows<ScheduleItem & Readable>(reader, source)) yield scheduleEntry(item(row, query));
}

async function* triggers(reader: Reader, query: ExportQuery): Entries {
  const columns = sql`t.path, t.script_path, t.is_flow, t.mode, t.permissioned_as, t.config, t.labels, t.extra_perms`;
  for (const kind of triggerKinds) {
    const source = { domain: `${kind}_triggers`, columns, table: triggerTable(kind) } as const;
    for await (const row of readableRows<Omit<TriggerItem, "kind"> & Readable>(reader, source)) {
      yield triggerEntry({ ...item(row, query), kind });
    }
  }
  const native = await reader.db.query<NativeTriggerItem & object>(sql`
    select service_name, external_id, script_path, is_flow, summary, service_config from native_trigger
    where workspace_id = ${reader.member.workspace} order by service_name, external_id`);
  for (const row of native) if (allowed(reader.member, "read", row.script_path)) yield nativeTriggerEntry(row);
}

/** The items of a workspace that the reader may read, as files; the source of a script comes right before its metadata. */
export async function* itemEntries(
  services: { vault: Pick<Vault, "decrypt"> },
  reader: Reader,
  query: ExportQuery,
): Entries {
  yield* scripts(reader, query);
  yield* flows(reader, query);
  yield* apps(reader, query);
  if (!query.skip_variables) yield* variables(services, reader, query);
  if (!query.skip_resources) yield* resources(reader, query);
  if (!query.skip_resource_types) yield* resourceTypes(reader);
  if (query.include_schedules) yield* schedules(reader, query);
  if (query.include_triggers) yield* triggers(reader, query);
}
