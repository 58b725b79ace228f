/** What the leading comment lines of a TypeScript script ask for. */
export interface TypeScriptAnnotations {
  /** Run with Node instead of bun. */
  nodejs: boolean;
  /** Resolve packages with npm's layout; accepted, and the same to us. */
  npm: boolean;
  /** Leave packages as files instead of inlining them. */
  nobundling: boolean;
  native: boolean;
}

const known = new Set(["nodejs", "npm", "nobundling", "native", "sandbox", "fresh"]);

/** Reads `//nodejs`, `//npm`, `//nobundling`, `//native` from the comment lines a script begins with. */
export function readAnnotations(content: string): TypeScriptAnnotations {
  const words = new Set<string>();
  for (const line of content.split("\n")) {
    const text = line.trim();
    if (text === "" || text.startsWith("#!")) continue;
    if (!text.startsWith("//")) break;
    const found = text.slice(2).trim().split(/\s+/);
    // A sentence that happens to hold such a word is no annotation.
    if (found.every((word) => known.has(word))) for (const word of found) words.add(word);
  }
  return {
    nodejs: words.has("nodejs"),
    npm: words.has("npm"),
    nobundling: words.has("nobundling"),
    native: words.has("native"),
  };
}

/** Whether a script of language `bun` is to run on Node. */
export function wantsNode(content: string): boolean {
  return content.includes("nodejs") && readAnnotations(content).nodejs;
}
