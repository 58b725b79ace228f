import type { Acl } from "@towermill/contract";
import { sql, type Database } from "@towermill/store";

/** What its author says about the tool, in the schema's `x-mcp` member. */
export interface Hints {
  name?: string;
  description?: string;
  readOnly?: boolean;
  destructive?: boolean;
  idempotent?: boolean;
  openWorld?: boolean;
}

/** A deployed script or flow, as its source answers it. */
export interface FoundRunnable {
  kind: "script" | "flow";
  path: string;
  summary: string;
  description: string;
  /** JSON Schema of the arguments, as stored; `null` when none was inferred. */
  schema: unknown;
  acl: Acl;
}

export interface Runnable extends FoundRunnable {
  toolName: string;
  hints: Hints;
}

/** Reads the runnables of a workspace, newest version of each, drafts and archived ones left out. */
export type RunnableSource = (db: Database, workspace: string) => Promise<FoundRunnable[]>;

/** More are not offered one by one: no client copes with them. They can still be run by path. */
export const mostRunnables = 5000;

interface Row {
  path: string;
  summary: string;
  description: string | null;
  /** JSON text. */
  schema: string | null;
  extra_perms: Acl;
}

function found(kind: FoundRunnable["kind"], rows: readonly Row[]): FoundRunnable[] {
  return rows.map(({ path, summary, description, schema, extra_perms: acl }) => {
    const parsed: unknown = schema === null ? null : JSON.parse(schema);
    return { kind, path, summary, description: description ?? "", schema: parsed, acl };
  });
}

/** Deployed scripts that are there to be run: no libraries, handlers or approval steps. */
export const scriptSource: RunnableSource = async (db, workspace) =>
  found(
    "script",
    await db.query<Row>(sql`
      select path, summary, description, schema, extra_perms from script
      where workspace_id = ${workspace} and not archived and not deleted and not draft_only and kind = 'script'
        and not is_template and options->>'auto_kind' is distinct from 'lib'
      order by path limit ${mostRunnables}`),
  );

/** Deployed flows. */
export const flowSource: RunnableSource = async (db, workspace) =>
  found(
    "flow",
    await db.query<Row>(sql`
      select path, summary, description, schema, extra_perms from flow
      where workspace_id = ${workspace} and not archived and not draft_only
      order by path limit ${mostRunnables}`),
  );

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The `x-mcp` member of a schema: `{name, description, read_only, destructive, idempotent, open_world}`. */
export function readHints(schema: unknown): Hints {
  const told = isRecord(schema) ? schema["x-mcp"] : undefined;
  if (!isRecord(told)) return {};
  const hints: Hints = {};
  if (typeof told["name"] === "string" && /^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(told["name"])) hints.name = told["name"];
  if (typeof told["description"] === "string") hints.description = told["description"];
  const flags = {
    readOnly: "read_only",
    destructive: "destructive",
    idempotent: "idempotent",
    openWorld: "open_world",
  } as const;
  for (const [hint, member] of Object.entries(flags) as [keyof typeof flags, string][]) {
    const value = told[member];
    if (typeof value === "boolean") hints[hint] = value;
  }
  return hints;
}
