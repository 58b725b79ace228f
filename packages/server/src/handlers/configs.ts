import { type configOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { wholeAccountOf } from "../identity/actor.ts";
import { audit, globalAudit } from "../identity/audit.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";

interface Config {
  name: string;
  config: Record<string, unknown> | null;
}

/** Worker groups are configurations under this prefix, which lists of groups leave out. */
const groupPrefix = "worker__";

/** What of a worker group everybody may know; the rest may hold environment variables with secrets. */
const plainFields = ["worker_tags", "dedicated_worker"];

/** Sets a configuration, or deletes it with null. */
export async function changeConfig(tx: Queryable, { name, config }: Config, by: string): Promise<void> {
  const username = by;
  if (config === null) {
    await tx.execute(sql`delete from config where name = ${name}`);
    await audit(tx, {
      workspace: globalAudit,
      username,
      operation: "worker_config.delete",
      actionKind: "Delete",
      resource: name,
    });
    return;
  }
  await tx.execute(sql`
    insert into config (name, config) values (${name}, ${sql.json(config)}::jsonb)
    on conflict (name) do update set config = excluded.config`);
  await audit(tx, {
    workspace: globalAudit,
    username,
    operation: "worker_config.update",
    actionKind: "Updated",
    resource: name,
  });
}

function mayReadAll(caller: Caller): boolean {
  return (
    caller.kind === "account" && caller.tokenWorkspace === null && (caller.account.superAdmin || caller.account.devops)
  );
}

export function configHandlers({ db, bus }: Services): Handlers<typeof configOperations> {
  const change = async (caller: Caller, config: Config): Promise<void> => {
    const by = wholeAccountOf(caller).account.email;
    await db.transaction((tx) => changeConfig(tx, config, by));
    bus.publish("changed", [`config:${config.name}`]);
  };
  return {
    async listWorkerGroups({ caller }) {
      const rows = await db.query<{ name: string; config: Record<string, unknown> }>(sql`
        select substr(name, ${groupPrefix.length + 1}) as name, config from config
        where starts_with(name, ${groupPrefix}) order by name`);
      if (mayReadAll(caller)) return rows;
      return rows.map(({ name, config }) => ({
        name,
        config: Object.fromEntries(
          plainFields.filter((field) => field in config).map((field) => [field, config[field]]),
        ),
      }));
    },
    async listConfigs({ caller }) {
      wholeAccountOf(caller);
      return db.query<{ name: string; config: unknown }>(sql`select name, config from config order by name`);
    },
    async getConfig({ caller, params }) {
      wholeAccountOf(caller);
      const row = await db.maybe<{ config: unknown }>(sql`select config from config where name = ${params.name}`);
      return row?.config ?? null;
    },
    async updateConfig({ caller, params, body }) {
      await change(caller, { name: params.name, config: body });
      return `config ${params.name} updated`;
    },
    async deleteConfig({ caller, params }) {
      await change(caller, { name: params.name, config: null });
      return `config ${params.name} deleted`;
    },
  };
}
