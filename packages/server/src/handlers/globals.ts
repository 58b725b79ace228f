import { ApiError, type globalOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { wholeAccountOf } from "../identity/actor.ts";
import { audit, globalAudit } from "../identity/audit.ts";
import type { Caller } from "../identity/caller.ts";
import { requireScope } from "../http/access.ts";
import type { Services } from "../services.ts";
import { changeConfig } from "./configs.ts";

/** Settings that every user's program needs to know, and that give nothing away. */
const readableByAll = new Set(["automate_username_creation"]);

/** The platform's own, which belongs to one database: files of an instance must not carry it to another. */
const internal = ["instance_key_check"];

interface Setting {
  name: string;
  value: unknown;
}

function requireReader(caller: Caller, key: string): void {
  if (readableByAll.has(key)) return;
  requireScope(caller, { domain: "settings", action: "read" });
  const { account } = wholeAccountOf(caller);
  if (!account.superAdmin && !account.devops) {
    throw new ApiError("forbidden", `getGlobal: reading ${key} requires devops or super admin`);
  }
}

async function changeSetting(tx: Queryable, { name, value }: Setting, by: string): Promise<void> {
  if (internal.includes(name)) throw new ApiError("bad_request", `${name} is the platform's own and cannot be set`);
  if (value === null || value === undefined) {
    await tx.execute(sql`delete from global_setting where name = ${name}`);
  } else {
    await tx.execute(sql`
      insert into global_setting (name, value) values (${name}, ${sql.json(value)}::jsonb)
      on conflict (name) do update set value = excluded.value`);
  }
  await audit(tx, {
    workspace: globalAudit,
    username: by,
    operation: "settings.update",
    actionKind: "Updated",
    resource: name,
  });
}

export function globalHandlers({ db, bus, baseUrl }: Services): Handlers<typeof globalOperations> {
  const settings = (): Promise<Setting[]> =>
    db.query<Setting & object>(
      sql`select name, value from global_setting where name <> all(${internal}::text[]) order by name`,
    );
  return {
    async getGlobal({ caller, params }) {
      requireReader(caller, params.key);
      const row = await db.maybe<{ value: unknown }>(sql`select value from global_setting where name = ${params.key}`);
      return row?.value ?? null;
    },
    async setGlobal({ caller, params, body }) {
      const by = wholeAccountOf(caller).account.email;
      await db.transaction((tx) => changeSetting(tx, { name: params.key, value: body.value }, by));
      bus.publish("changed", [`global:${params.key}`]);
      return `setting ${params.key} updated`;
    },
    async listGlobalSettings({ caller }) {
      wholeAccountOf(caller);
      return settings();
    },
    getLocal: async () => ({ base_url: baseUrl }),
    async getInstanceUi() {
      const rows = await settings();
      const valueOf = (name: string): unknown => rows.find((row) => row.name === name)?.value;
      return { instance_banner: valueOf("instance_banner"), accent_color: valueOf("accent_color") };
    },
    async getInstanceConfig({ caller }) {
      wholeAccountOf(caller);
      const configs = await db.query<{ name: string; config: unknown }>(
        sql`select substr(name, 9) as name, config from config where starts_with(name, 'worker__') order by name`,
      );
      return {
        global_settings: Object.fromEntries((await settings()).map(({ name, value }) => [name, value])),
        worker_configs: Object.fromEntries(configs.map(({ name, config }) => [name, config])),
      };
    },
    async setInstanceConfig({ caller, body }) {
      const by = wholeAccountOf(caller).account.email;
      const named = Object.entries(body.global_settings ?? {});
      const workers = Object.entries(body.worker_configs ?? {});
      await db.transaction(async (tx) => {
        for (const [name, value] of named) await changeSetting(tx, { name, value }, by);
        for (const [name, config] of workers) await changeConfig(tx, { name: `worker__${name}`, config }, by);
      });
      bus.publish("changed", [
        ...named.map(([name]) => `global:${name}`),
        ...workers.map(([name]) => `config:worker__${name}`),
      ]);
      return "instance config updated";
    },
    getMinKeepAliveVersion: async () => ({ worker: "0.0.0", agent: "0.0.0" }),
  };
}
