import { openapi, operations, type settingsOperations } from "@towermill/contract";
import { flowSchema } from "@towermill/openflow";
import { sql } from "@towermill/store";
import { stringify } from "yaml";
import type { Handlers } from "../http/call.ts";
import { jsonText } from "../http/answer.ts";
import type { Services } from "../services.ts";
import { metricsHandler } from "./metrics.ts";

interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  checked_at: string;
  database_healthy: boolean;
  workers_alive: number;
}

async function health({ db, clock }: Services): Promise<Health> {
  const checked_at = clock.now().toISOString();
  try {
    const row = await db.one<{ alive: number }>(
      sql`select count(*)::int as alive from worker where last_ping > now() - interval '60 seconds'`,
    );
    return {
      status: row.alive > 0 ? "healthy" : "degraded",
      checked_at,
      database_healthy: true,
      workers_alive: row.alive,
    };
  } catch {
    return { status: "unhealthy", checked_at, database_healthy: false, workers_alive: 0 };
  }
}

/** The version in the form the official CLI parses: text up to `v`, then major and minor of the API it speaks. */
export const apiVersion = "CE v1.819.0";

export function settingsHandlers(services: Services): Handlers<typeof settingsOperations> {
  let document: Record<string, unknown> | undefined;
  const openApi = (): Record<string, unknown> => (document ??= openapi(operations, services.version));
  let schema: Record<string, unknown> | undefined;
  return {
    backendVersion: async () => `${apiVersion} (towermill ${services.version})`,
    backendUptodate: async () => "yes",
    getLicenseId: async () => "",
    getOpenApiYaml: async () => stringify(openApi(), { aliasDuplicateObjects: false }),
    getOpenApiJson: async () => openApi(),
    getOpenFlowSchema: async () => (schema ??= flowSchema()),
    async getHealthStatus() {
      const found = await health(services);
      return found.database_healthy ? found : jsonText(JSON.stringify(found), 503);
    },
    async getHealthDetailed() {
      const found = await health(services);
      const queue = await services.db.one<{ queued: number; running: number }>(
        sql`select count(*) filter (where not running)::int as queued, count(*) filter (where running)::int as running from job_queue`,
      );
      return { ...found, checks: { database: services.db.usage(), queue, version: services.version } };
    },
    getMetrics: metricsHandler(services),
  };
}
