import { ApiError, notFound } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import type { Services } from "../services.ts";
import { audit, globalAudit } from "./audit.ts";
import { forgetEveryMember, forgetWorkspace } from "./invalidate.ts";
import { addMember } from "./membership.ts";
import { workspaceTables } from "./workspace-tables.ts";

/** The workspace of the instance's own affairs: the CLI asks it for queues, so it must stay. */
const permanent = "admins";

export interface NewWorkspace {
  id: string;
  name: string;
  color?: string | null | undefined;
  username?: string | null | undefined;
  /** The workspace it is a fork of. */
  parent?: string;
}

/** Creates a workspace in the caller's transaction; publish {@link forgetEveryMember} after it. @returns the admin's name */
export async function insertWorkspace(tx: Queryable, workspace: NewWorkspace, email: string): Promise<string> {
  const { id, name, color = null, parent = null } = workspace;
  try {
    await tx.execute(sql`
      insert into workspace (id, name, owner, color, parent_workspace_id)
      values (${id}, ${name}, ${email}, ${color}, ${parent})`);
  } catch (error) {
    if (isUniqueViolation(error)) throw new ApiError("already_exists", `The workspace ${id} already exists`);
    throw error;
  }
  await tx.execute(sql`
    insert into group_ (workspace_id, name, summary) values (${id}, 'all', 'Every member of the workspace')`);
  const { username: wished } = workspace;
  const username = await addMember(tx, { workspace: id, email, isAdmin: true, operator: false, username: wished });
  await audit(tx, {
    workspace: id,
    username,
    operation: "workspaces.create",
    actionKind: "Created",
    resource: id,
    ...(parent === null ? {} : { parameters: { parent } }),
  });
  return username;
}

/** Creates a workspace with its group `all` and `email` as its admin. @throws ApiError `already_exists` */
export async function createWorkspace({ db, bus }: Services, workspace: NewWorkspace, email: string): Promise<void> {
  await db.transaction((tx) => insertWorkspace(tx, workspace, email));
  forgetEveryMember(bus);
}

export interface ArchiveRequest {
  id: string;
  archived: boolean;
  /** Username or email address of whoever asks. */
  by: string;
}

/** @throws ApiError `not_found`; `bad_request` for the workspace `admins` */
export async function archiveWorkspace({ db, bus }: Services, { id, archived, by }: ArchiveRequest): Promise<void> {
  if (id === permanent) throw new ApiError("bad_request", `The workspace ${permanent} cannot be archived`);
  await db.transaction(async (tx) => {
    const changed = await tx.execute(sql`update workspace set deleted = ${archived} where id = ${id}`);
    if (changed === 0) throw notFound("Workspace", id);
    const operation = archived ? "workspaces.archive" : "workspaces.unarchive";
    await audit(tx, { workspace: id, username: by, operation, actionKind: "Updated", resource: id });
  });
  forgetEveryMember(bus);
}

/**
 * Deletes a workspace with its items, jobs and tokens; running jobs are told to stop. The audit log stays.
 * @throws ApiError `not_found`; `bad_request` for the workspace `admins`
 */
export async function deleteWorkspace({ db, bus }: Services, id: string, by: string): Promise<void> {
  if (id === permanent) throw new ApiError("bad_request", `The workspace ${permanent} cannot be deleted`);
  const running = await db.transaction(async (tx) => {
    if ((await tx.execute(sql`delete from workspace where id = ${id}`)) === 0) throw notFound("Workspace", id);
    const jobs = await tx.query<{ id: string; running: boolean }>(
      sql`delete from job_queue where workspace_id = ${id} returning id, running`,
    );
    await tx.execute(sql`delete from job_log where job_id in (select id from job where workspace_id = ${id})`);
    for (const { name, follows } of await workspaceTables(tx)) {
      if (follows || name === "audit") continue;
      await tx.execute(sql`delete from ${sql.ident(name)} where workspace_id = ${id}`);
    }
    await audit(tx, {
      workspace: globalAudit,
      username: by,
      operation: "workspaces.delete",
      actionKind: "Delete",
      resource: id,
    });
    return jobs.filter((job) => job.running).map((job) => job.id);
  });
  if (running.length > 0) bus.publish("cancel", running);
  forgetWorkspace(bus, id);
}

async function moveJobs(tx: Queryable, { id, newId }: { id: string; newId: string }): Promise<void> {
  const { busy } = await tx.one<{ busy: boolean }>(
    sql`select exists (select from job_queue where workspace_id = ${id} and running) as busy`,
  );
  if (busy)
    throw new ApiError("conflict", `Jobs are running in ${id}: wait for them or cancel them, then change the id`);
  // A queued job carries its member along, who must be one of the workspace under its new id.
  await tx.execute(sql`
    update job set identity = jsonb_set(identity::jsonb, '{workspace}', to_jsonb(${newId}::text))::json
    where id in (select id from job_queue where workspace_id = ${id})`);
}

export interface Rename {
  id: string;
  newId: string;
  newName: string | null;
  by: string;
}

/**
 * Gives a workspace another id, in everything that names it, jobs and audit included.
 * @throws ApiError `already_exists`; `conflict` while jobs run in it; `bad_request` for the workspace `admins`
 */
export async function renameWorkspace({ db, bus }: Services, { id, newId, newName, by }: Rename): Promise<void> {
  if (id === permanent) throw new ApiError("bad_request", `The workspace ${permanent} must keep its id`);
  await db.transaction(async (tx) => {
    await moveJobs(tx, { id, newId });
    try {
      const changed = await tx.execute(
        sql`update workspace set id = ${newId}, name = coalesce(${newName}, name) where id = ${id}`,
      );
      if (changed === 0) throw notFound("Workspace", id);
    } catch (error) {
      if (isUniqueViolation(error)) throw new ApiError("already_exists", `The workspace ${newId} already exists`);
      throw error;
    }
    await tx.execute(sql`update workspace set parent_workspace_id = ${newId} where parent_workspace_id = ${id}`);
    for (const { name, follows } of await workspaceTables(tx)) {
      if (!follows)
        await tx.execute(sql`update ${sql.ident(name)} set workspace_id = ${newId} where workspace_id = ${id}`);
    }
    const parameters = { old_id: id };
    await audit(tx, {
      workspace: newId,
      username: by,
      operation: "workspaces.update",
      actionKind: "Updated",
      resource: newId,
      parameters,
    });
  });
  forgetWorkspace(bus, id);
  forgetWorkspace(bus, newId);
}
