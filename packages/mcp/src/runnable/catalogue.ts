import { allowed, type Acl, type Member } from "@towermill/contract";
import { sql, type Bus, type Database } from "@towermill/store";
import { readHints, type FoundRunnable, type Runnable, type RunnableSource } from "./runnable.ts";
import { toolName } from "./name.ts";
import { mentionsResources, type ResourcePaths } from "./schema.ts";
import { showRunnable } from "./tool.ts";
import type { ShownTool } from "../endpoint/tool.ts";

interface Entry {
  runnable: Runnable;
  /** Built once where it is the same for everybody. */
  shown: ShownTool | null;
}

interface ResourceRow {
  path: string;
  resource_type: string;
  extra_perms: Acl;
}

interface Kept {
  at: number;
  entries: Promise<ReadonlyMap<string, Entry>>;
  resources: Promise<ResourceRow[]> | null;
}

/** The scripts and flows of workspaces as tools, kept until something changes. */
export interface Catalogue {
  /** By tool name, if the member may read it. */
  find(member: Member, name: string): Promise<Runnable | null>;
  /** The runnables a member may read. */
  readable(member: Member): Promise<Runnable[]>;
  show(member: Member, runnables: readonly Runnable[]): Promise<ShownTool[]>;
  favorites(member: Member): Promise<ReadonlySet<string>>;
  forget(workspace: string): void;
  close(): void;
}

/** Age after which a workspace is read again even if no notification came. */
const maximumAgeMs = 5000;
const mostWorkspaces = 200;

function entriesOf(found: readonly FoundRunnable[], taken: ReadonlySet<string>): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const each of found) {
    const hints = readHints(each.schema);
    const own = hints.name !== undefined && !taken.has(hints.name) && !entries.has(hints.name) ? hints.name : null;
    const runnable: Runnable = { ...each, hints, toolName: own ?? toolName(each.kind, each.path) };
    const shown = mentionsResources(each.schema) ? null : showRunnable(runnable, () => []);
    if (!entries.has(runnable.toolName)) entries.set(runnable.toolName, { runnable, shown });
  }
  return entries;
}

function mayRead(member: Member, { path, acl }: Runnable): boolean {
  return allowed(member, "read", path, acl);
}

function resourcePaths(rows: readonly ResourceRow[], member: Member): ResourcePaths {
  return (type) =>
    rows
      .filter((row) => row.resource_type === type && allowed(member, "read", row.path, row.extra_perms))
      .map((row) => row.path);
}

export function createCatalogue({
  db,
  bus,
  sources,
  taken,
}: {
  db: Database;
  bus: Bus;
  sources: readonly RunnableSource[];
  taken: ReadonlySet<string>;
}): Catalogue {
  const workspaces = new Map<string, Kept>();
  const load = async (workspace: string): Promise<ReadonlyMap<string, Entry>> => {
    const found = await Promise.all(sources.map((source) => source(db, workspace)));
    return entriesOf(found.flat(), taken);
  };
  const loadResources = (workspace: string): Promise<ResourceRow[]> =>
    db.query<ResourceRow>(sql`
      select path, resource_type, extra_perms from resource where workspace_id = ${workspace} order by path limit 2000`);
  const keptOf = (workspace: string): Kept => {
    const known = workspaces.get(workspace);
    if (known && performance.now() - known.at < maximumAgeMs) return known;
    const kept: Kept = { at: performance.now(), entries: load(workspace), resources: null };
    kept.entries.catch(() => workspaces.get(workspace) === kept && workspaces.delete(workspace));
    workspaces.delete(workspace);
    workspaces.set(workspace, kept);
    if (workspaces.size > mostWorkspaces) workspaces.delete(workspaces.keys().next().value ?? "");
    return kept;
  };
  const stop = bus.onResync(() => workspaces.clear());
  return {
    forget: (workspace) => void workspaces.delete(workspace),
    close: stop,
    async find(member, name) {
      const found = (await keptOf(member.workspace).entries).get(name)?.runnable;
      return found && mayRead(member, found) ? found : null;
    },
    async readable(member) {
      const entries = await keptOf(member.workspace).entries;
      return [...entries.values()].map((entry) => entry.runnable).filter((each) => mayRead(member, each));
    },
    async show(member, runnables) {
      const kept = keptOf(member.workspace);
      const entries = await kept.entries;
      const rows = await (kept.resources ??= loadResources(member.workspace));
      const paths = resourcePaths(rows, member);
      return runnables.map((runnable) => entries.get(runnable.toolName)?.shown ?? showRunnable(runnable, paths));
    },
    async favorites(member) {
      const rows = await db.query<{ kind: string; path: string }>(sql`
        select kind, path from favorite where workspace_id = ${member.workspace} and username = ${member.username}`);
      return new Set(rows.map((row) => `${row.kind}:${row.path}`));
    },
  };
}
