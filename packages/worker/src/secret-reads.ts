import type { Bus } from "@towermill/store";
import { secretsToHide, type Vault } from "@towermill/vault";

/** Which secrets the jobs of this worker read by the API while they run. */
export interface SecretReads {
  /** Calls `hide` with the values of each read until the returned function is called; they come a moment later. */
  watch(jobId: string, hide: (values: Promise<string[]>) => void): () => void;
  stop(): void;
}

/** Listens for what servers tell; told by the server in the same process, before the job has its answer. */
export function createSecretReads({ bus, vault }: { bus: Bus; vault: Vault }): SecretReads {
  const watched = new Map<string, (values: Promise<string[]>) => void>();
  const stop = bus.subscribe("secret", (ids) => {
    for (const id of ids) {
      const [jobId = "", workspace = "", path = ""] = JSON.parse(id) as string[];
      watched.get(jobId)?.(secretsToHide(vault, workspace, [path]));
    }
  });
  return {
    watch(jobId, hide) {
      watched.set(jobId, hide);
      return () => void watched.delete(jobId);
    },
    stop,
  };
}
