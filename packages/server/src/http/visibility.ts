import { principals, type Member } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";

/** Backslash is LIKE's default escape; names may hold `_` and `%`. */
function likePrefix(prefix: string): string {
  return `${prefix.replace(/[\\%_]/g, "\\$&")}%`;
}

/** Condition that a path begins with a text. */
export function startsWith(path: Sql, prefix: string): Sql {
  return sql`${path} like ${likePrefix(prefix)}`;
}

function withinScopes(patterns: readonly string[] | null, path: Sql): Sql {
  if (patterns === null || patterns.includes("*")) return sql`true`;
  const folders = patterns.filter((pattern) => pattern.endsWith("/*")).map((pattern) => pattern.slice(0, -2));
  const prefixes = folders.map((folder) => likePrefix(`${folder}/`));
  return sql`(${path} = any(${[...patterns, ...folders]}::text[]) or ${path} like any(${prefixes}::text[]))`;
}

/**
 * Condition for the rows a member may read: the same decision as `allowed(member, "read", …)`, narrowed by the path
 * patterns of the caller's scopes (`null` = not narrowed). Lists use it, so that a row that `get` refuses is never listed.
 */
export function visible(
  member: Member,
  patterns: readonly string[] | null,
  columns: { path: Sql; extraPerms: Sql },
): Sql {
  const within = withinScopes(patterns, columns.path);
  if (member.isAdmin) return within;
  const owned = [
    `u/${member.username}/`,
    ...member.groups.map((g) => `g/${g}/`),
    ...member.foldersRead.map((f) => `f/${f}/`),
  ];
  return sql`(${within} and (
    ${columns.path} like any(${owned.map(likePrefix)}::text[]) or ${columns.extraPerms} ?| ${principals(member)}::text[]))`;
}
