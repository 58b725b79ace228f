import type { Bus } from "@towermill/store";
import { listenForSecrets, secretsToHide, type Vault } from "@towermill/vault";

/** Which secrets the jobs of this worker read by the API while they run. */
export interface SecretReads {
  /** Calls `hide` with the values of each read until the returned function is called; they come a moment later. */
  watch(jobId: string, hide: (values: Promise<string[]>) => void): () => void;
  stop(): void;
}

/** Listens for what servers tell before the job has its answer. */
export function createSecretReads({ bus, vault }: { bus: Bus; vault: Vault }): SecretReads {
  const watched = new Map<string, (values: Promise<string[]>) => void>();
  const stop = listenForSecrets(bus, ({ jobId, workspace, path }) => {
    const hide = watched.get(jobId);
    hide?.(secretsToHide(vault, workspace, [path]));
    return hide !== undefined;
  });
  return {
    watch(jobId, hide) {
      watched.set(jobId, hide);
      return () => void watched.delete(jobId);
    },
    stop,
  };
}
