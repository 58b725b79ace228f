import type { Bus } from "@towermill/store";

/** Secrets that a running job asked a server for. */
export interface SecretRead {
  jobId: string;
  workspace: string;
  paths: readonly string[];
}

/** Longest a server waits for a worker to know; a job whose worker is lost gets its answer all the same. */
const patienceMs = 250;
const mostRemembered = 10_000;

/**
 * Tells workers on the bus (`secret`) and hears from them (`secret-known`). In one process that takes no time; to another
 * it takes two notifications, once for each secret of a job.
 */
export function createTelling(bus: Bus): (read: SecretRead) => Promise<void> {
  const waiting = new Map<string, Set<() => void>>();
  const known = new Set<string>();
  bus.subscribe("secret-known", (ids) => {
    for (const id of ids) {
      for (const go of waiting.get(id) ?? []) go();
      waiting.delete(id);
      if (known.size >= mostRemembered) known.clear();
      known.add(id);
    }
  });
  const heard = (id: string): Promise<void> =>
    new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.get(id)?.delete(go);
        resolve();
      }, patienceMs);
      waiting.set(id, (waiting.get(id) ?? new Set()).add(go));
    });
  return async ({ jobId, workspace, paths }) => {
    const ids = paths.map((path) => JSON.stringify([jobId, workspace, path])).filter((id) => !known.has(id));
    if (ids.length === 0) return;
    const all = ids.map(heard);
    bus.publish("secret", ids);
    await Promise.all(all);
  };
}

/** Hears on a worker which secrets the jobs of an instance read, and says that it knows when `tell` takes one as its own. */
export function listenForSecrets(
  bus: Bus,
  tell: (read: { jobId: string; workspace: string; path: string }) => boolean,
): () => void {
  return bus.subscribe("secret", (ids) => {
    const own = ids.filter((id) => {
      const [jobId = "", workspace = "", path = ""] = JSON.parse(id) as string[];
      return tell({ jobId, workspace, path });
    });
    if (own.length > 0) bus.publish("secret-known", own);
  });
}
