import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { ApiError, requireItemPath, type Member, type NewScript } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { followRunnable } from "../handlers/triggers-runnable.ts";
import { requireWritable, requireWriteAt } from "../http/item.ts";
import { memberText, requireSearchable } from "../http/verbatim.ts";
import type { Caller } from "../identity/caller.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { firstLock, inferFrom, storedLanguage, type Inferred } from "./inference.ts";
import { givenOptions, onBehalfOf } from "./options.ts";
import { supersededBy } from "./parent.ts";
import { headAt, type ScriptRow } from "./row.ts";

/** A version whose dependencies have to be resolved. */
export interface UnlockedScript {
  workspace: string;
  path: string;
  hash: string;
  language: string;
  content: string;
  tag: string | undefined;
  member: Member;
}

/** Pushes the job that writes a version's lock, in the deploying transaction; answers the job's id. */
export type PushDependencyJob = (tx: Queryable, script: UnlockedScript) => Promise<string>;

export interface Deployment {
  caller: Caller;
  member: Member;
  script: NewScript;
  /** The request's body, from which the schema is taken as it was sent. */
  bodyText: string;
  /** Answer the present version when nothing changes. */
  skipIfNoop: boolean;
}

/** What a deployment would store, before it has a hash. */
interface Version {
  language: string;
  inferred: Inferred;
  options: Record<string, unknown>;
  lock: string | null;
}

const longestLineage = 1000;

async function versionFrom(
  tx: Queryable,
  { script, member, bodyText }: Deployment,
  parent: ScriptRow | null,
): Promise<Version> {
  const language = storedLanguage(script);
  const sentSchema = memberText(bodyText, "schema");
  const inferred = inferFrom(script, { language, sentSchema, previous: parent?.schema ?? null });
  const options = {
    ...givenOptions(script),
    ...(inferred.autoKind === null ? {} : { auto_kind: inferred.autoKind }),
    ...(inferred.hasPreprocessor ? { has_preprocessor: true } : {}),
    ...(await onBehalfOf(tx, member, script)),
  };
  requireSearchable(options, "body");
  return { language, inferred, options, lock: firstLock(script, language) };
}

function withoutFalse(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== false));
}

function sameJson(a: string | null, b: string | null): boolean {
  return a === b || (a !== null && b !== null && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)));
}

function isNoop(script: NewScript, version: Version, parent: ScriptRow): boolean {
  const lock = script.lock === undefined || script.lock === null ? parent.lock : version.lock;
  return (
    !parent.archived &&
    !parent.draft_only &&
    parent.lock_error_logs === null &&
    parent.path === script.path &&
    parent.summary === script.summary &&
    parent.description === (script.description ?? "") &&
    parent.content === script.content &&
    parent.language === version.language &&
    parent.kind === (script.kind ?? "script") &&
    parent.is_template === (script.is_template ?? false) &&
    (parent.lock ?? "").trim() === (lock ?? "").trim() &&
    sameJson(parent.schema, version.inferred.schema) &&
    isDeepStrictEqual(withoutFalse(parent.options), withoutFalse(version.options))
  );
}

async function store(
  tx: Queryable,
  { script, member }: Deployment,
  what: { version: Version; parent: ScriptRow | null; hash: string; lockJob: string | null },
): Promise<void> {
  const { version, parent, hash, lockJob } = what;
  const lineage = parent ? [parent.hash, ...parent.parent_hashes].slice(0, longestLineage) : [];
  if (parent) {
    await tx.execute(
      sql`update script set archived = true where workspace_id = ${member.workspace} and hash = ${parent.hash}`,
    );
  }
  await tx.execute(sql`
    insert into script (workspace_id, hash, path, parent_hashes, summary, description, content, language, kind, schema, lock,
      lock_job, options, extra_perms, is_template, deployment_msg, created_by)
    values (${member.workspace}, ${hash}, ${script.path}, ${lineage}, ${script.summary}, ${script.description ?? ""},
      ${script.content}, ${version.language}, ${script.kind ?? "script"}, ${version.inferred.schema}, ${version.lock},
      ${lockJob}, ${sql.json(version.options)}, ${sql.json(parent?.extra_perms ?? {})}, ${script.is_template ?? false},
      ${script.deployment_message}, ${member.username})`);
  if (!script.skip_draft_deletion) {
    await tx.execute(sql`
      delete from draft where workspace_id = ${member.workspace} and kind = 'script' and email in (${member.email}, '')
        and path = any(${[script.path, ...(parent ? [parent.path] : [])]}::text[])`);
  }
}

async function deployIn(
  tx: Queryable,
  deployment: Deployment,
  pushDependencyJob: PushDependencyJob,
): Promise<{ hash: string; paths: string[] }> {
  const { script, member } = deployment;
  const { workspace, username } = member;
  const present = await headAt(tx, workspace, script.path);
  requireWriteAt(deployment, { domain: "scripts", path: script.path, acl: present?.extra_perms ?? {} });
  const parent = await supersededBy(tx, workspace, script);
  if (parent) {
    requireWritable(deployment, { domain: "scripts", kind: "Script", path: parent.path, acl: parent.extra_perms });
  }
  const version = await versionFrom(tx, deployment, parent);
  if (deployment.skipIfNoop && parent && isNoop(script, version, parent)) return { hash: parent.hash, paths: [] };
  const hash = randomBytes(8).toString("hex");
  const { language, lock, options } = version;
  const tag = typeof options["tag"] === "string" ? options["tag"] : undefined;
  const unlocked = { workspace, path: script.path, hash, language, content: script.content, tag, member };
  const lockJob = lock === null ? await pushDependencyJob(tx, unlocked) : null;
  await store(tx, deployment, { version, parent, hash, lockJob });
  if (parent && parent.path !== script.path) {
    await followRunnable(tx, { workspace, path: parent.path, isFlow: false }, { to: script.path });
  }
  const [operation, actionKind] = parent
    ? (["scripts.update", "Updated"] as const)
    : (["scripts.create", "Created"] as const);
  await audit(tx, { workspace, username, operation, actionKind, resource: script.path, parameters: { hash } });
  return { hash, paths: [...new Set([script.path, parent?.path ?? script.path])] };
}

/**
 * Deploys a script: a new one, a new version, or a move when the parent's path is another. Everything happens in one
 * transaction, the job for its lock included.
 * @returns the version's hash, 16 hex digits
 * @throws ApiError `invalid_path`, `forbidden`, `already_exists`, `parent_conflict`
 */
export async function deploy(
  services: Services,
  deployment: Deployment,
  pushDependencyJob: PushDependencyJob,
): Promise<string> {
  const { script, member } = deployment;
  requireItemPath(script.path);
  const done = await services.db
    .transaction((tx) => deployIn(tx, deployment, pushDependencyJob))
    .catch((error: unknown) => {
      if (!isUniqueViolation(error, "script_head")) throw error;
      throw new ApiError("parent_conflict", `Another version of ${script.path} was deployed at the same moment`);
    });
  if (done.paths.length > 0)
    services.bus.publish(
      "changed",
      done.paths.map((path) => `script:${member.workspace}:${path}`),
    );
  return done.hash;
}
