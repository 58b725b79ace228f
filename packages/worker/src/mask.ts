/** Secrets shorter than this are not masked: they would blank out ordinary words. */
const shortestSecret = 6;
const mask = "••••••";

/**
 * Hides secret values that a job was given from its own log, also where one is split over two writes: a tail that may
 * be the start of a secret waits for what follows. It protects against accidents, not against the script's author.
 */
export function createMask(emit: (text: string) => void): {
  add(secret: string): void;
  write(text: string): void;
  end(): void;
} {
  const secrets = new Set<string>();
  let held = "";

  const hide = (text: string): string => {
    let hidden = text;
    for (const secret of secrets) if (hidden.includes(secret)) hidden = hidden.replaceAll(secret, mask);
    return hidden;
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

  return {
    add(secret) {
      for (const form of [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(secret)]) {
        if (secret.length >= shortestSecret) secrets.add(form);
      }
    },
    write(text) {
      if (secrets.size === 0) return emit(text);
      const hidden = hide(held + text);
      const waiting = beginning(hidden);
      held = waiting === 0 ? "" : hidden.slice(-waiting);
      const ready = waiting === 0 ? hidden : hidden.slice(0, -waiting);
      if (ready !== "") emit(ready);
    },
    end() {
      if (held !== "") emit(held);
      held = "";
    },
  };
}
