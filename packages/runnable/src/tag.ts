import { ApiError, languages, type Language } from "@towermill/contract";
import { lostAfterSeconds, type JobKind } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";

const kindTags = ["dependency", "flow", "hub", "other"];

/** `bunnative` code runs where `nativets` does. */
function languageTag(language: Language): string {
  return language === "bunnative" ? "nativets" : language;
}

/** Tags that jobs get by themselves. */
export const defaultTags: readonly string[] = [...new Set([...languages.map(languageTag), ...kindTags])];

interface CustomTag {
  name: string;
  /** Only these workspaces, all but these, or (`null`) all. */
  only: string[] | null;
  except: string[];
}

/** What tags may be used where, as it is now. */
export interface TagRules {
  custom: CustomTag[];
  /** Default tags end in `-{workspace}`: everywhere, or in these workspaces. */
  perWorkspace: boolean | string[];
  /** Tags of living workers. */
  served: ReadonlySet<string>;
}

/** `gpu(a+b)` = only in a and b, `gpu(^a^b)` = everywhere but there. */
export function parseCustomTag(text: string): CustomTag {
  const match = /^(.+?)\(([^()]*)\)$/.exec(text);
  if (!match) return { name: text, only: null, except: [] };
  const [, name = "", list = ""] = match;
  const names = list.split(/[+^]/).filter((workspace) => workspace !== "");
  return list.startsWith("^") ? { name, only: null, except: names } : { name, only: names, except: [] };
}

export function isOpenTo(tag: CustomTag, workspace: string): boolean {
  return (tag.only?.includes(workspace) ?? true) && !tag.except.includes(workspace);
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/** The texts of the setting `custom_tags`. */
export async function readCustomTags(db: Queryable): Promise<string[]> {
  const row = await db.maybe<{ value: unknown }>(sql`select value from global_setting where name = 'custom_tags'`);
  return strings(row?.value);
}

export async function readPerWorkspace(db: Queryable): Promise<boolean | string[]> {
  const rows = await db.query<{ name: string; value: unknown }>(
    sql`select name, value from global_setting where name in ('default_tags_per_workspace', 'default_tags_workspaces')`,
  );
  const value = (name: string): unknown => rows.find((row) => row.name === name)?.value;
  if (value("default_tags_per_workspace") !== true) return false;
  const only = strings(value("default_tags_workspaces"));
  return only.length > 0 ? only : true;
}

export async function readTagRules(db: Queryable): Promise<TagRules> {
  const [custom, perWorkspace, workers] = await Promise.all([
    readCustomTags(db),
    readPerWorkspace(db),
    db.query<{ tag: string }>(sql`select distinct unnest(tags) as tag from worker
      where last_ping > now() - make_interval(secs => ${lostAfterSeconds})`),
  ]);
  return { custom: custom.map(parseCustomTag), perWorkspace, served: new Set(workers.map((row) => row.tag)) };
}

interface Defaults {
  kind: JobKind;
  language: Language | null;
  workspace: string;
}

/** The tag of a job that nobody gave one. */
export function defaultTag({ kind, language, workspace }: Defaults, rules: TagRules): string {
  const { perWorkspace } = rules;
  const suffixed = Array.isArray(perWorkspace) ? perWorkspace.includes(workspace) : perWorkspace;
  return `${baseTag(kind, language)}${suffixed ? `-${workspace}` : ""}`;
}

function baseTag(kind: JobKind, language: Language | null): string {
  if (kind.endsWith("dependencies")) return "dependency";
  if (language) return languageTag(language);
  return kind === "flow" || kind === "flowpreview" || kind === "identity" ? "flow" : "other";
}

/** Reads `a.b` of a JSON object text; strings as they are, anything else as JSON, `""` when there is none. */
function argumentText(args: string | null, path: string): string {
  let value: unknown = args === null ? null : JSON.parse(args);
  for (const key of path.split(".")) {
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined;
  }
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Fills `$workspace` and `$args[a.b]` of a tag or concurrency key. @param args JSON text of an object */
export function fillIn(template: string, { workspace, args }: { workspace: string; args: string | null }): string {
  if (!template.includes("$")) return template;
  return template
    .replaceAll("$workspace", () => workspace)
    .replace(/\$args\[((?:\w+\.)*\w+)\]/g, (_, path: string) => argumentText(args, path));
}

interface TagCheck {
  /** The tag after `$workspace` and `$args[…]` were filled in. */
  tag: string;
  workspace: string;
  rules: TagRules;
  /** Whether a tag passes that is nobody's at the moment. */
  unserved?: boolean;
}

/**
 * Checks that a tag somebody chose may be used in the workspace: a default tag, an added one, or one that a worker serves.
 * @param template the tag before anything was filled in
 * @throws ApiError `unknown_tag`
 */
export function requireTag(template: string, { tag, workspace, rules, unserved = false }: TagCheck): void {
  const named = rules.custom.find((custom) => custom.name === template || custom.name === tag);
  const known = named ? isOpenTo(named, workspace) : unserved || isDefault(tag, workspace) || rules.served.has(tag);
  if (known && tag.length <= 255) return;
  throw new ApiError(
    "unknown_tag",
    `The tag ${JSON.stringify(tag.slice(0, 120))} is not available in workspace ${workspace}`,
  );
}

function isDefault(tag: string, workspace: string): boolean {
  return (
    defaultTags.includes(tag) ||
    (tag.endsWith(`-${workspace}`) && defaultTags.includes(tag.slice(0, -workspace.length - 1)))
  );
}
