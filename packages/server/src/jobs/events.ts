import type { Bus } from "@towermill/store";

/** Calls back when something about a job may have changed. */
export interface JobEvents {
  /** @returns ends the subscription */
  listen(id: string, changed: () => void): () => void;
}

const topics = ["logs", "live", "done"];

/** One subscription to the bus for all the event streams of a process. */
export function createJobEvents(bus: Bus): JobEvents {
  const listeners = new Map<string, Set<() => void>>();
  const tell = (id: string): void => {
    for (const changed of listeners.get(id) ?? []) changed();
  };
  for (const topic of topics) bus.subscribe(topic, (ids) => ids.forEach(tell));
  bus.onResync(() => [...listeners.keys()].forEach(tell));
  return {
    listen(id, changed) {
      const own = (): void => changed();
      const all = listeners.get(id) ?? new Set();
      listeners.set(id, all.add(own));
      return () => {
        all.delete(own);
        if (all.size === 0 && listeners.get(id) === all) listeners.delete(id);
      };
    },
  };
}
