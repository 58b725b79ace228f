import { randomBytes } from "node:crypto";
import { ApiError, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { replaceWorkspaceKey } from "@towermill/vault";
import { anonymous } from "../identity/caller.ts";
import { audit } from "../identity/audit.ts";
import { forgetEveryMember } from "../identity/invalidate.ts";
import { insertWorkspace } from "../identity/workspace.ts";
import { requireReadableSecrets } from "../handlers/export-items.ts";
import type { Reader } from "../handlers/export-read.ts";
import type { Services } from "../services.ts";
import { copyWorkspace } from "./copy.ts";
import { digestItems, type Digests } from "./digest.ts";

/** How ids of forks begin: by it whoever made one may delete it, and the CLI knows which workspaces are forks. */
export const forkPrefix = "wm-fork-";

export interface NewFork {
  id: string;
  name: string;
  color?: string | null | undefined;
}

/** Somebody who reads all of a workspace. */
function wholeReader(db: Queryable, member: Member, workspace: string): Reader {
  return { db, caller: anonymous, member: { ...member, workspace, isAdmin: true, isOperator: false } };
}

async function writeBase(tx: Queryable, fork: string, digests: Digests, known: Digests): Promise<void> {
  const rows = [...digests].map(([name, { item }]) => ({ ...item, digest: known.get(name)?.digest ?? null }));
  await tx.execute(sql`
    insert into fork_base (workspace_id, kind, path, digest)
    select ${fork}, * from unnest(${rows.map((row) => row.kind)}::text[], ${rows.map((row) => row.path)}::text[],
      ${rows.map((row) => row.digest)}::bytea[])`);
}

/**
 * Makes a workspace that holds a copy of what the maker may read of another, with a key of its own, and remembers what
 * each item was. The maker is its only member and its admin.
 * @throws ApiError `bad_request` for an id that is none of a fork; `already_exists`
 */
export async function createFork(services: Services, member: Member, wished: NewFork): Promise<void> {
  const { db, vault, instanceKey, bus } = services;
  const { id: fork, name, color } = wished;
  const { workspace: parent, username: wishedName, email } = member;
  if (!fork.startsWith(forkPrefix))
    throw new ApiError("bad_request", `body.id: the id of a fork begins with ${forkPrefix}`);
  await requireReadableSecrets(services, { db, caller: anonymous, member });
  await vault.key(parent);
  await db.transaction(async (tx) => {
    const maker = wishedName.includes("@") ? null : wishedName;
    const username = await insertWorkspace(tx, { id: fork, name, color, username: maker, parent }, email);
    await copyWorkspace({ tx, fork, member, username });
    await tx.execute(sql`
      insert into workspace_key (workspace_id, wrapped) select ${fork}, wrapped from workspace_key where workspace_id = ${parent}`);
    // secrets of both are still under the parent's key
    const opening = {
      vault: { decrypt: (_: string, ciphertext: string) => vault.decrypt(parent, ciphertext) },
      key: instanceKey,
    };
    const copied = await digestItems(wholeReader(tx, member, fork), opening);
    await writeBase(tx, fork, await digestItems(wholeReader(tx, member, parent), opening), copied);
    const key = randomBytes(48).toString("base64url");
    await replaceWorkspaceKey(tx, { instanceKey, workspace: fork, key, keepValues: false });
    await audit(tx, {
      workspace: parent,
      username: wishedName,
      operation: "workspaces.create_fork",
      actionKind: "Created",
      resource: fork,
    });
  });
  forgetEveryMember(bus);
}
