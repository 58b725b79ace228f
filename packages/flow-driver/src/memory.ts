/** The newest texts up to a number of characters together. */
export interface TextCache {
  get(key: string): string | undefined;
  set(key: string, text: string): void;
}

/** What an entry takes besides its text. */
const overhead = 150;

/** @param room characters in all; a text longer than a tenth of it is not kept */
export function createTextCache(room: number): TextCache {
  const texts = new Map<string, string>();
  let used = 0;
  const drop = (key: string, text: string): void => {
    texts.delete(key);
    used -= text.length + overhead;
  };
  return {
    get: (key) => texts.get(key),
    set(key, text) {
      const before = texts.get(key);
      if (before !== undefined) drop(key, before);
      if (text.length > room / 10) return;
      texts.set(key, text);
      used += text.length + overhead;
      for (const [oldKey, old] of texts) {
        if (used <= room) break;
        drop(oldKey, old);
      }
    },
  };
}

/** Keeps a value in a map of at most so many: the one that was kept longest goes. */
export function keepNewest<Value>(kept: Map<string, Value>, key: string, value: Value, most: number): void {
  kept.delete(key);
  kept.set(key, value);
  const oldest = kept.keys().next();
  if (kept.size > most && oldest.done !== true) kept.delete(oldest.value);
}
