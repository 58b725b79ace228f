import { createCache, type Bus, type Database } from "@towermill/store";
import { seal, unseal } from "./cipher.ts";
import { createTelling, type SecretRead } from "./telling.ts";
import { variablePurpose, workspaceKey } from "./workspace-key.ts";

/** Encryption for the workspaces of one instance; one per process. */
export interface Vault {
  readonly db: Database;
  readonly instanceKey: Buffer;
  /** Tells the worker of a job which secrets it reads, and waits until that knows, so that it hides them in its log. */
  tellWorker(read: SecretRead): Promise<void>;
  /** The key of a workspace as text, from memory when known. Only for admins' eyes. */
  key(workspace: string): Promise<string>;
  /** Ciphertext of a secret variable's value, as base64; the empty text stays empty. */
  encrypt(workspace: string, text: string): Promise<string>;
  /** @throws CipherError when the value was not written with the workspace's key */
  decrypt(workspace: string, ciphertext: string): Promise<string>;
  /** Ciphertext of a sensitive argument, as the string `$encrypted:…` that only jobs below `rootJob` can read. */
  encryptArgument(scope: { workspace: string; rootJob: string }, json: string): Promise<string>;
  /** The JSON text behind `$encrypted:…` without its prefix. @throws CipherError */
  decryptArgument(scope: { workspace: string; rootJob: string }, ciphertext: string): Promise<string>;
}

interface VaultOptions {
  db: Database;
  bus: Bus;
  /** 32 bytes. */
  instanceKey: Buffer;
}

/**
 * Opens the vault. A variable's ciphertext is bound to its workspace's key and to nothing else: a rename moves it, and
 * the official CLI carries it between paths and, together with the key, between workspaces.
 * Keys are kept in memory until `changed` names `vault:{workspace}`.
 */
export function openVault({ db, bus, instanceKey }: VaultOptions): Vault {
  if (instanceKey.length !== 32) throw new TypeError(`the instance key has ${instanceKey.length} bytes, expected 32`);
  const keys = createCache({
    bus,
    name: "vault",
    load: (workspace) => workspaceKey(db, instanceKey, workspace),
    maximumAgeMs: 300_000,
  });
  const key = (workspace: string): Promise<string> => keys.get(workspace);
  return {
    db,
    instanceKey,
    tellWorker: createTelling(bus),
    key,
    encrypt: async (workspace, text) => (text === "" ? "" : seal(text, await key(workspace), variablePurpose)),
    decrypt: async (workspace, ciphertext) =>
      ciphertext === "" ? "" : unseal(ciphertext, await key(workspace), variablePurpose),
    encryptArgument: async ({ workspace, rootJob }, json) =>
      `$encrypted:${seal(json, await key(workspace), `argument ${rootJob}`)}`,
    decryptArgument: async ({ workspace, rootJob }, ciphertext) =>
      unseal(ciphertext, await key(workspace), `argument ${rootJob}`),
  };
}
