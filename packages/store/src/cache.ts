import type { Bus } from "./notifications.ts";

export interface CacheOptions<V> {
  bus: Bus;
  /** Name in the bus's `changed` topic: publishing `{name}:{key}` (or `{name}:*`) forgets entries in every process. */
  name: string;
  load(key: string): Promise<V>;
  /** Age after which an entry is loaded again even without a notification, in milliseconds. */
  maximumAgeMs?: number;
  maximumSize?: number;
}

export interface Cache<V> {
  get(key: string): Promise<V>;
  forget(key: string): void;
}

/**
 * Keeps what a loader answered, per key, until it changes: invalidated at once in this process and by notification in
 * the others, bounded in age for the case that a notification was lost. Failed loads are not kept.
 */
export function createCache<V>({
  bus,
  name,
  load,
  maximumAgeMs = 5000,
  maximumSize = 10_000,
}: CacheOptions<V>): Cache<V> {
  const entries = new Map<string, { at: number; value: Promise<V> }>();
  const forget = (key: string): void => {
    if (key === "*") entries.clear();
    else entries.delete(key);
  };
  bus.subscribe("changed", (ids) => {
    for (const id of ids) if (id.startsWith(`${name}:`)) forget(id.slice(name.length + 1));
  });
  bus.onResync(() => entries.clear());
  return {
    forget,
    get(key) {
      const known = entries.get(key);
      if (known && performance.now() - known.at < maximumAgeMs) return known.value;
      const value = load(key);
      entries.delete(key);
      entries.set(key, { at: performance.now(), value });
      value.catch(() => entries.get(key)?.value === value && entries.delete(key));
      if (entries.size > maximumSize) entries.delete(entries.keys().next().value ?? "");
      return value;
    },
  };
}
