import { ApiError, requireItemPath, type EditFlow } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { requireWriteAt } from "../http/item.ts";
import { memberText, requireSearchable } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import { onBehalfOf } from "../scripts/options.ts";
import type { Services } from "../services.ts";
import { announceFlows } from "./changed.ts";
import { hasUnlockedCode, pushFlowDependencyJob } from "./dependency-job.ts";
import { requireFlowWritable, type Who } from "./find.ts";
import { givenFlowOptions } from "./options.ts";
import { moveFlow } from "./rename.ts";
import { flowAt, type FlowRow } from "./row.ts";
import { requireValidFlow } from "./validation.ts";

export interface FlowDeployment {
  who: Who;
  flow: EditFlow;
  /** The request's body, from which value and schema are taken as they were sent. */
  bodyText: string;
  /** Where the flow is; `null` = it is new. */
  from: string | null;
  /** Where it shall be. */
  path: string;
}

/** What a deployment stores. */
interface Content {
  summary: string;
  description: string;
  value: string;
  schema: string | null;
  options: Record<string, unknown>;
  draft: boolean;
}

/** Text of a member; `undefined` = not sent, `null` = sent as null. */
function textOf(bodyText: string, name: string): string | null | undefined {
  const text = memberText(bodyText, name);
  return text === "null" ? null : text;
}

async function contentOf(
  tx: Queryable,
  { who, flow, bodyText }: FlowDeployment,
  present: FlowRow | null,
): Promise<Content> {
  const options = { ...givenFlowOptions(flow), ...(await onBehalfOf(tx, who.member, flow)) };
  requireSearchable(options, "body");
  const schema = textOf(bodyText, "schema");
  return {
    summary: flow.summary ?? (flow.summary === null ? "" : (present?.summary ?? "")),
    description: flow.description ?? (flow.description === null ? "" : (present?.description ?? "")),
    value: memberText(bodyText, "value") ?? JSON.stringify(flow.value),
    schema: schema === undefined ? (present?.schema ?? null) : schema,
    options,
    draft: flow.draft_only === true && (present === null || present.draft_only),
  };
}

/** The flow a deployment is about, locked against others. @throws ApiError */
async function lockedPresent(tx: Queryable, { who, from, path }: FlowDeployment): Promise<FlowRow | null> {
  const { workspace } = who.member;
  for (const name of [...new Set([path, from ?? path])].sort()) {
    await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${`flow ${workspace} ${name}`}, 0))`);
  }
  const there = await flowAt(tx, workspace, path);
  if (from === path) {
    if (!there) throw new ApiError("not_found", `Flow not found at name ${path}`);
    requireFlowWritable(who, there);
    return there;
  }
  requireWriteAt(who, { domain: "flows", path, acl: there?.extra_perms ?? {} });
  if (there && !there.draft_only) {
    const state = there.archived ? "an archived flow" : "a flow";
    throw new ApiError("already_exists", `Flow ${path} already exists: ${state} is there`);
  }
  if (there) await tx.execute(sql`delete from flow where workspace_id = ${workspace} and path = ${path}`);
  if (from === null) return null;
  const moved = await flowAt(tx, workspace, from);
  if (!moved) throw new ApiError("not_found", `Flow not found at name ${from}`);
  requireFlowWritable(who, moved);
  return moved;
}

async function newVersion(tx: Queryable, { who, flow, path }: FlowDeployment, content: Content): Promise<number> {
  const { id } = await tx.one<{ id: number }>(sql`
    insert into flow_version (workspace_id, path, value, schema, deployment_msg, created_by)
    values (${who.member.workspace}, ${path}, ${content.value}, ${content.schema}, ${flow.deployment_message},
      ${who.member.username}) returning id`);
  return id;
}

async function store(
  tx: Queryable,
  { who, path }: FlowDeployment,
  { content, version, lockJob }: { content: Content; version: number | null; lockJob: string | null },
): Promise<void> {
  const { workspace, username } = who.member;
  const { summary, description, value, schema, options, draft } = content;
  await tx.execute(sql`
    insert into flow (workspace_id, path, summary, description, value, schema, options, draft_only, version, dependency_job,
      edited_by)
    values (${workspace}, ${path}, ${summary}, ${description}, ${value}, ${schema}, ${sql.json(options)}, ${draft},
      ${version}, ${lockJob}, ${username})
    on conflict (workspace_id, path) do update set summary = excluded.summary, description = excluded.description,
      value = excluded.value, schema = excluded.schema, options = excluded.options, draft_only = excluded.draft_only,
      version = coalesce(excluded.version, flow.version), dependency_job = excluded.dependency_job, lock_error_logs = null,
      archived = false, edited_by = excluded.edited_by, edited_at = clock_timestamp()`);
}

async function deployIn(tx: Queryable, deployment: FlowDeployment): Promise<{ moved: number[]; locks: boolean }> {
  const { who, flow, from, path } = deployment;
  const { workspace, username, email } = who.member;
  const present = await lockedPresent(tx, deployment);
  const moved = from !== null && from !== path ? await moveFlow(tx, workspace, { from, to: path }) : [];
  const content = await contentOf(tx, deployment, present);
  const version = content.draft ? null : await newVersion(tx, deployment, content);
  const unlocked = version !== null && hasUnlockedCode(flow.value);
  const lockJob = unlocked ? await pushFlowDependencyJob(tx, { member: who.member, path, version }) : null;
  await store(tx, deployment, { content, version, lockJob });
  if (!flow.skip_draft_deletion) {
    await tx.execute(sql`
      delete from draft where workspace_id = ${workspace} and kind = 'flow' and email in (${email}, '')
        and path = any(${[path, from ?? path]}::text[])`);
  }
  const created = present === null;
  await audit(tx, {
    workspace,
    username,
    operation: created ? "flows.create" : "flows.update",
    actionKind: created ? "Created" : "Updated",
    resource: path,
    parameters: {
      ...(version === null ? {} : { version: String(version) }),
      ...(from !== null && from !== path ? { from } : {}),
    },
  });
  return { moved, locks: lockJob !== null };
}

/**
 * Deploys a flow: a new one, a new version, or a move. Everything happens in one transaction, the job that resolves the
 * dependencies of inline scripts included.
 * @returns what is hardly meant, in sentences
 * @throws ApiError `invalid_path`, `bad_request` naming step and field, `forbidden`, `already_exists`, `not_found`
 */
export async function deployFlow(services: Services, deployment: FlowDeployment): Promise<string[]> {
  const { who, flow, from, path } = deployment;
  requireItemPath(path);
  const warnings = requireValidFlow(flow.value);
  const { moved, locks } = await services.db
    .transaction((tx) => deployIn(tx, deployment))
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? new ApiError("already_exists", `Flow ${path} already exists`) : error;
    });
  announceFlows(services, who.member.workspace, { paths: [path, from ?? path], versions: moved });
  if (locks) services.dispatcher.wake(["dependency"]);
  return warnings;
}
