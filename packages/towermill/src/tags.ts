/** What a worker serves unless told: every language it may have, and the platform's own work. */
export const defaultTags = [
  "deno",
  "python3",
  "go",
  "bash",
  "powershell",
  "nativets",
  "mysql",
  "bun",
  "postgresql",
  "bigquery",
  "snowflake",
  "mssql",
  "graphql",
  "oracledb",
  "php",
  "rust",
  "ansible",
  "csharp",
  "nu",
  "java",
  "ruby",
  "rlang",
  "duckdb",
  "dbt",
  "dependency",
  "flow",
  "hub",
  "other",
] as const;

/** `WORKER_TAGS=a,b` replaces the default. */
export function workerTags(setting: string | undefined): string[] {
  const tags = (setting ?? "")
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  return tags.length > 0 ? [...new Set(tags)] : [...defaultTags];
}
