/** Secrets shorter than this are not masked: they would blank out ordinary words. */
const shortestSecret = 6;
const mask = "••••••";

/** Hides the secrets of one job in what it writes. */
export interface Mask {
  add(secret: string): void;
  /** Secrets that will be known soon: what is written until then waits for them. */
  await(secrets: Promise<string[]>): void;
  write(text: string): void;
  /** A value with the secrets hidden in every text of it. */
  hide<T>(value: T): T;
  /** Lets out what waits. */
  end(): Promise<void>;
}

/**
 * Hides secret values that a job was given, or asked for, from its own log, also where one is split over two writes: a
 * tail that may be the start of a secret waits for what follows. It protects against accidents, not against the script's
 * author.
 */
export function createMask(emit: (text: string) => void): Mask {
  const secrets = new Set<string>();
  const awaited = new Set<Promise<void>>();
  let held = "";

  const hideText = (text: string): string => {
    let hidden = text;
    for (const secret of secrets) if (hidden.includes(secret)) hidden = hidden.replaceAll(secret, mask);
    return hidden;
  };
  const hideValue = (value: unknown): unknown => {
    if (typeof value === "string") return hideText(value);
    if (Array.isArray(value)) return value.map(hideValue);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [hideText(name), hideValue(member)]));
  };
  /** Length of the longest end of `text` that begins a secret. */
  const beginning = (text: string): number => {
    let longest = 0;
    for (const secret of secrets) {
      for (let size = Math.min(secret.length - 1, text.length); size > longest; size -= 1) {
        if (secret.startsWith(text.slice(-size))) longest = size;
      }
    }
    return longest;
  };
  const add = (secret: string): void => {
    if (secret.length < shortestSecret) return;
    for (const form of [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(secret)]) secrets.add(form);
  };
  const write = (text: string): void => {
    if (awaited.size > 0) {
      held += text;
      return;
    }
    if (secrets.size === 0) {
      emit(held + text);
      held = "";
      return;
    }
    const hidden = hideText(held + text);
    const waiting = beginning(hidden);
    held = waiting === 0 ? "" : hidden.slice(-waiting);
    const ready = waiting === 0 ? hidden : hidden.slice(0, -waiting);
    if (ready !== "") emit(ready);
  };

  return {
    add,
    write,
    await(coming) {
      const known: Promise<void> = coming
        .then(
          (values) => values.forEach(add),
          () => undefined,
        )
        .then(() => {
          awaited.delete(known);
          if (awaited.size === 0 && held !== "") write("");
        });
      awaited.add(known);
    },
    hide: <T>(value: T): T => (secrets.size === 0 ? value : (hideValue(value) as T)),
    async end() {
      await Promise.all(awaited);
      if (held !== "") emit(hideText(held));
      held = "";
    },
  };
}
