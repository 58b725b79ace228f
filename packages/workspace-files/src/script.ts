import { metadata, shared, type Entry, type Shared } from "./entry.ts";
import { scriptExtension, type DefaultTypeScript } from "./extension.ts";

export interface ScriptItem extends Shared {
  summary: string;
  description: string;
  content: string;
  language: string;
  kind: string;
  /** JSON text. */
  schema: string | null;
  /** `null` = still being made: the file says nothing of it; `""` = none needed; both are kept apart. */
  lock: string | null;
  is_template: boolean;
  /** Every other field that is set, under the API's names. */
  options: Readonly<Record<string, unknown>>;
}

/** Computed at deploy from the code, or belonging to this instance alone. */
const notWritten = new Set(["auto_kind", "assets", "on_behalf_of", "labels"]);

/** Switches that are off are not written. */
function written([name, value]: [string, unknown]): boolean {
  return !notWritten.has(name) && value !== false && !(name === "modules" && Object.keys(value as object).length === 0);
}

/** The source of a script and its metadata. */
export function scriptEntries(
  script: ScriptItem,
  { defaultTs }: { defaultTs?: DefaultTypeScript | undefined } = {},
): Entry[] {
  const extension = scriptExtension(script.language, defaultTs);
  const source = extension === null ? [] : [{ name: `${script.path}${extension}`, content: script.content }];
  const { summary, description, kind, lock, is_template } = script;
  const options = Object.fromEntries(Object.entries(script.options).filter(written));
  const fields = { summary, description, kind, lock, ...(is_template ? { is_template } : {}), ...options };
  const labels = Array.isArray(script.options["labels"]) ? (script.options["labels"] as string[]) : null;
  const info = metadata(
    `${script.path}.script.json`,
    { ...fields, ...shared({ ...script, labels }) },
    { schema: script.schema },
  );
  return [...source, info];
}
