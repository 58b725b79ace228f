import { jsonObject } from "@towermill/contract";

/** One file of the archive that `wmill sync` reads: a relative name with `/`, and its text. */
export interface Entry {
  name: string;
  content: string;
}

/** What several kinds of items have in common. */
export interface Shared {
  path: string;
  labels?: readonly string[] | null;
  /** Written only when somebody was given access. */
  extra_perms?: Readonly<Record<string, boolean>>;
}

type Fields = Readonly<Record<string, unknown>>;
type Texts = Readonly<Record<string, string | null | undefined>>;

function isUnset(value: unknown): boolean {
  return value === undefined || value === null;
}

/**
 * A metadata file: unset fields are left out, because absent and null differ for the CLI; `texts` are JSON texts that go
 * in as they are stored. Its comparison ignores the order of keys.
 */
export function metadata(name: string, fields: Fields, texts: Texts = {}): Entry {
  const own = Object.entries(fields).flatMap(([key, value]): [string, string][] =>
    isUnset(value) ? [] : [[key, JSON.stringify(value)]],
  );
  const stored = Object.entries(texts).flatMap(([key, text]): [string, string][] =>
    text === undefined || text === null ? [] : [[key, text]],
  );
  return { name, content: jsonObject([...own, ...stored]) };
}

/** Labels and permissions, as far as there are any. */
export function shared({ labels, extra_perms }: Shared): Fields {
  return {
    ...(labels && labels.length > 0 ? { labels } : {}),
    ...(extra_perms && Object.keys(extra_perms).length > 0 ? { extra_perms } : {}),
  };
}
