import type { NewScript } from "@towermill/contract";
import { inferSchema } from "@towermill/signature";

/** What is known of a script from its code, its declaration and the version before it. */
export interface Inferred {
  /** JSON text; `null` = none. */
  schema: string | null;
  autoKind: string | null;
  hasPreprocessor: boolean;
}

/**
 * The schema of a new version: the one that was sent, as it was sent; else the one its code gives, with the annotations
 * of the previous version; else the previous version's.
 */
export function inferFrom(
  script: NewScript,
  { language, sentSchema, previous }: { language: string; sentSchema: string | undefined; previous: string | null },
): Inferred {
  const found = inferSchema({
    language,
    content: script.content,
    ...(previous === null ? {} : { previous: JSON.parse(previous) as unknown }),
  });
  const usable = found !== null && found.invalid === undefined;
  const sent = script.schema && Object.keys(script.schema).length > 0 ? sentSchema : undefined;
  return {
    schema: sent ?? (usable ? JSON.stringify(found.schema) : previous),
    autoKind: script.auto_kind ?? found?.autoKind ?? null,
    hasPreprocessor: script.has_preprocessor ?? found?.hasPreprocessor ?? false,
  };
}

/** TypeScript that says `//native` in its leading comment runs without a process of its own and is stored as such. */
export function storedLanguage({ language, content }: Pick<NewScript, "language" | "content">): string {
  if (language !== "bun") return language;
  for (const line of content.split("\n", 50)) {
    if (!line.startsWith("//")) break;
    if (line.slice(2).trim().split(/\s+/).includes("native")) return "bunnative";
  }
  return language;
}

/** Languages whose dependencies are resolved to a lock when a script is deployed. */
const locked: readonly string[] = ["bun", "bunnative", "nativets", "deno", "python3"];

/** Whether a dependency job has to resolve what code of a language imports. */
export function needsLock(language: string): boolean {
  return locked.includes(language);
}

/** The lock a new version starts with; `null` = a dependency job has to write it. */
export function firstLock(script: NewScript, language: string): string | null {
  if (Array.isArray(script.lock)) return script.lock.join("\n");
  if (typeof script.lock === "string") return script.lock;
  return needsLock(language) && !script.codebase ? null : "";
}
