import { createHmac } from "node:crypto";
import { CipherError, type Vault } from "@towermill/vault";
import type { Entry } from "@towermill/workspace-files";
import { itemEntries } from "../handlers/export-items.ts";
import type { Reader } from "../handlers/export-read.ts";
import { folderEntries, migrationEntries } from "../handlers/export-workspace.ts";

/** An item of a workspace as a comparison names it. */
export interface ItemName {
  kind: string;
  path: string;
}

/** Digests by `kind:path`. */
export type Digests = Map<string, { item: ItemName; digest: Buffer }>;

interface Metadata {
  kind: string;
  pattern: RegExp;
  /** Fields that belong to one workspace, or that moving an item does not carry along. */
  own?: readonly string[];
  /** The only fields that moving an item carries along. */
  only?: readonly string[];
  /** The file is no JSON. */
  verbatim?: true;
}

const runnable = ["on_behalf_of", "on_behalf_of_email"];
const files: readonly Metadata[] = [
  { kind: "script", pattern: /^(.+)\.script\.json$/s, own: runnable },
  { kind: "flow", pattern: /^(.+)\.flow\.json$/s, own: runnable },
  { kind: "raw_app", pattern: /^(.+)\.raw_app\.json$/s, own: ["custom_path"] },
  { kind: "app", pattern: /^(.+)\.app\.json$/s, own: ["custom_path"] },
  { kind: "variable", pattern: /^(.+)\.variable\.json$/s },
  { kind: "resource", pattern: /^(.+)\.resource\.json$/s },
  { kind: "resource_type", pattern: /^(.+)\.resource-type\.json$/s, only: ["schema", "description"] },
  { kind: "schedule", pattern: /^(.+)\.schedule\.json$/s, own: ["enabled", "permissioned_as", "email"] },
  {
    kind: "folder",
    pattern: /^(f\/[^/]+)\/folder\.meta\.json$/s,
    only: ["summary", "owners", "extra_perms", "labels"],
  },
];
/** A subscription of Google's belongs to one workspace: clients make another where they move the trigger to. */
const subscription = ["subscription_id", "subscription_mode", "delivery_config", "base_endpoint"];
/** Kinds that clients do not move between workspaces: a comparison that named them could never come to an end. */
const notExchanged = new Set(["native_trigger", "amqp_trigger"]);
const trigger = /^(.+)\.([a-z]+_trigger)\.json$/s;

function metadataOf(name: string): (Metadata & { path: string }) | null {
  for (const file of files) {
    const path = file.pattern.exec(name)?.[1];
    if (path !== undefined) return { ...file, path };
  }
  const [, path, kind] = trigger.exec(name) ?? [];
  if (path === undefined || kind === undefined || notExchanged.has(kind)) return null;
  const own = ["mode", "permissioned_as", ...(kind === "gcp_trigger" ? subscription : [])];
  return { kind, path, pattern: trigger, own };
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Equal for values that mean the same: members in one order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, canonical(member)]);
}

function canonicalText({ kind, own = [], only, verbatim }: Metadata, content: string): string {
  if (verbatim) return content;
  const fields = JSON.parse(content) as Record<string, unknown>;
  if (kind.endsWith("app") && typeof fields["policy"] === "object") {
    const policy = fields["policy"] as Record<string, unknown>;
    fields["policy"] = Object.fromEntries(Object.entries(policy).filter(([name]) => !runnable.includes(name)));
  }
  const kept = Object.entries(fields).filter(
    ([name, value]) => !own.includes(name) && (only?.includes(name) ?? true) && !isEmpty(value),
  );
  return JSON.stringify(canonical(Object.fromEntries(kept)));
}

/** Everything of a workspace that a fork and its parent exchange. */
async function* comparable(reader: Reader, vault: Pick<Vault, "decrypt">): AsyncGenerator<Entry> {
  yield* folderEntries(reader);
  yield* migrationEntries(reader);
  const query = { plain_secret: true, include_schedules: true, include_triggers: true } as const;
  yield* itemEntries({ vault }, reader, query);
}

/**
 * A digest of each item that the reader may read. Two are equal when moving one over the other would change nothing; what
 * belongs to a workspace alone (who something runs as, whether it is enabled, who else may read it) does not count.
 * @param opening `key` of the digests, and how secrets are read
 */
export async function digestItems(
  reader: Reader,
  { vault, key }: { vault: Pick<Vault, "decrypt">; key: Buffer },
): Promise<Digests> {
  const digests: Digests = new Map();
  const lenient = {
    // a value nobody can read is still the same or another
    decrypt: (workspace: string, ciphertext: string): Promise<string> =>
      vault.decrypt(workspace, ciphertext).catch((error: unknown) => {
        if (error instanceof CipherError) return ciphertext;
        throw error;
      }),
  };
  let source = "";
  for await (const { name, content } of comparable(reader, lenient)) {
    const metadata = metadataOf(name);
    if (metadata === null) {
      // what the next entry completes: the source of a script, the way back of a migration; other triggers stay
      source = name.endsWith("_trigger.json") ? "" : JSON.stringify([name, content]);
      continue;
    }
    const { kind, path } = metadata;
    const digest = createHmac("sha256", key).update(source).update("\0").update(canonicalText(metadata, content));
    digests.set(`${kind}:${path}`, { item: { kind, path }, digest: digest.digest() });
    source = "";
  }
  return digests;
}
