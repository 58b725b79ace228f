import { createHash } from "node:crypto";

/**
 * Content address of an ordered list of texts: 40 hex digits. Each part is length-prefixed, so `["ab", "c"]` and
 * `["a", "bc"]` differ.
 */
export function contentKey(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts)
    hash
      .update(`${String(part.length)}:`)
      .update(part)
      .update("\n");
  return hash.digest("hex").slice(0, 40);
}
