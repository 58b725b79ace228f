import { allowed, notFound, scopesAllow, ApiError, type Acl, type Member } from "@towermill/contract";
import type { FlowValue } from "@towermill/openflow";
import { createCache, sql, type Bus, type Database } from "@towermill/store";
import { parseFlow } from "./flow-text.ts";

/** The fields of a deployed flow that decide how it runs, under the API's names. */
export interface FlowOptions {
  tag?: string | null;
  priority?: number | null;
  /** Seconds. */
  timeout?: number | null;
  labels?: string[] | null;
  ws_error_handler_muted?: boolean | null;
  dedicated_worker?: boolean | null;
  visible_to_runner_only?: boolean | null;
  on_behalf_of?: string | null;
  on_behalf_of_email?: string | null;
}

/** A deployed flow as running it needs it. */
export interface FlowVersion {
  version: number;
  path: string;
  /** As it is stored; `readFlow` makes it what `advance` wants. */
  value: FlowValue;
  options: FlowOptions;
  acl: Acl;
}

export type FlowTarget = { path: string } | { version: number };

/** Deployed flows, from memory when known. Publish `changed` with `flow:{workspace}:{path}` after every change. */
export interface DeployedFlows {
  /**
   * The flow to run, once it is sure that the member may.
   * @throws ApiError `not_found` when there is none or the member may not see it, `missing_scope`
   */
  resolve(who: { scopes: readonly string[] | null; member: Member }, target: FlowTarget): Promise<FlowVersion>;
  /** The value of a version, which never changes; `null` when it was deleted. */
  value(workspace: string, version: number): Promise<FlowValue | null>;
}

interface HeadRow {
  version: number;
  path: string;
  value: string;
  options: FlowOptions;
  extra_perms: Acl;
}

export function createDeployedFlows({ db, bus }: { db: Database; bus: Bus }): DeployedFlows {
  const heads = createCache({ bus, name: "flow", load: (key) => loadHead(db, key) });
  const versions = createCache({
    bus,
    name: "flow-version",
    maximumAgeMs: 3_600_000,
    maximumSize: 500,
    load: (key) => loadVersion(db, key),
  });
  const find = async (workspace: string, target: FlowTarget): Promise<FlowVersion | null> => {
    if ("path" in target) return heads.get(`${workspace}:${target.path}`);
    const version = await versions.get(`${workspace}:${target.version}`);
    const head = version && (await heads.get(`${workspace}:${version.path}`));
    return head && { ...head, version: target.version, value: version.value };
  };
  return {
    async resolve({ scopes, member }, target) {
      const found = await find(member.workspace, target);
      const name = "path" in target ? target.path : String(target.version);
      if (!found || !allowed(member, "read", found.path, found.acl)) throw notFound("Flow", name);
      const required = { domain: "jobs", action: "run", kind: "flows", path: found.path } as const;
      if (!scopesAllow(scopes, required)) {
        throw new ApiError("missing_scope", `Access denied. Required scope: jobs:run:flows:${found.path}`);
      }
      return found;
    },
    value: async (workspace, version) => (await versions.get(`${workspace}:${version}`))?.value ?? null,
  };
}

async function loadHead(db: Database, key: string): Promise<FlowVersion | null> {
  const { workspace, rest: path } = splitKey(key);
  const row = await db.maybe<HeadRow>(sql`
    select v.id as version, f.path, v.value, f.options, f.extra_perms
    from flow f join flow_version v on v.id = f.version
    where f.workspace_id = ${workspace} and f.path = ${path} and not f.archived and not f.draft_only`);
  if (!row) return null;
  const { version, options, extra_perms: acl } = row;
  return { version, path, value: parseFlow(row.value), options, acl };
}

async function loadVersion(db: Database, key: string): Promise<{ path: string; value: FlowValue } | null> {
  const { workspace, rest: version } = splitKey(key);
  const row = await db.maybe<{ path: string; value: string }>(
    sql`select path, value from flow_version where workspace_id = ${workspace} and id = ${version}`,
  );
  return row ? { path: row.path, value: parseFlow(row.value) } : null;
}

function splitKey(key: string): { workspace: string; rest: string } {
  const at = key.indexOf(":");
  return { workspace: key.slice(0, at), rest: key.slice(at + 1) };
}
