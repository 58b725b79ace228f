import type { Language } from "@towermill/contract";

/** TypeScript's plain `.ts` belongs to one of two runtimes, which the user chooses in `wmill.yaml`. */
export type DefaultTypeScript = "bun" | "deno";

const extensions: Readonly<Partial<Record<Language, string>>> = {
  python3: ".py",
  nativets: ".fetch.ts",
  go: ".go",
  bash: ".sh",
  powershell: ".ps1",
  postgresql: ".pg.sql",
  mysql: ".my.sql",
  bigquery: ".bq.sql",
  snowflake: ".sf.sql",
  mssql: ".ms.sql",
  oracledb: ".odb.sql",
  duckdb: ".duckdb.sql",
  graphql: ".gql",
  php: ".php",
  rust: ".rs",
  ansible: ".playbook.yml",
  csharp: ".cs",
  nu: ".nu",
  java: ".java",
  ruby: ".rb",
  rlang: ".r",
};

/** What follows a script's path in the name of its source file; `null` for `dbt`, whose files are modules. */
export function scriptExtension(language: string, defaultTs: DefaultTypeScript = "bun"): string | null {
  if (language === "bun" || language === "bunnative") return defaultTs === "deno" ? ".bun.ts" : ".ts";
  if (language === "deno") return defaultTs === "deno" ? ".ts" : ".deno.ts";
  return extensions[language as Language] ?? null;
}
