import { ApiError, type variablesOperations } from "@towermill/contract";
import { CipherError, replaceWorkspaceKey } from "@towermill/vault";
import type { Call, Handlers } from "../http/call.ts";
import { scopesOf } from "../http/item.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { resealKept } from "./kept-secrets.ts";

/** The key opens every secret of the workspace, so a token with any narrowing is not enough for it. */
function requireWholeToken({ caller, operation }: Pick<Call, "caller" | "operation">): void {
  if (scopesOf(caller) !== null) {
    throw new ApiError("forbidden", `${operation.id}: a token with scopes cannot be used for this`);
  }
}

type KeyHandlers = Pick<
  Handlers<typeof variablesOperations>,
  "getWorkspaceEncryptionKey" | "setWorkspaceEncryptionKey"
>;

/** The workspace's encryption key, which a backup or a move of a workspace takes along. */
export function encryptionKeyHandlers({ db, vault, bus }: Services): KeyHandlers {
  return {
    async getWorkspaceEncryptionKey(call) {
      requireWholeToken(call);
      const { workspace, username } = call.member;
      await audit(db, { workspace, username, operation: "workspaces.read_encryption_key", actionKind: "Execute" });
      return { key: await vault.key(workspace) };
    },
    async setWorkspaceEncryptionKey(call) {
      requireWholeToken(call);
      const { workspace, username } = call.member;
      const change = { workspace, key: call.body.new_key, keepValues: call.body.skip_reencrypt ?? false };
      await db
        .transaction(async (tx) => {
          const reseal = await replaceWorkspaceKey(tx, { instanceKey: vault.instanceKey, ...change });
          await resealKept(tx, workspace, reseal);
          await audit(tx, { workspace, username, operation: "workspaces.set_encryption_key", actionKind: "Updated" });
        })
        .catch((error: unknown) => {
          throw error instanceof CipherError ? new ApiError("bad_request", error.message) : error;
        });
      bus.publish("changed", [`vault:${workspace}`]);
      return `encryption key of ${workspace} set`;
    },
  };
}
