/**
 * Script languages, spelled as Windmill's API spells them (`ScriptLang`). `bunnative` is how a TypeScript script whose
 * first line is `//native` is stored.
 */
export const languages = [
  "python3",
  "deno",
  "go",
  "bash",
  "powershell",
  "postgresql",
  "mysql",
  "bigquery",
  "snowflake",
  "mssql",
  "oracledb",
  "graphql",
  "nativets",
  "bun",
  "bunnative",
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
] as const;

export type Language = (typeof languages)[number];

export function isLanguage(value: string): value is Language {
  return (languages as readonly string[]).includes(value);
}
