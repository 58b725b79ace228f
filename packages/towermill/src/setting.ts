import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";

/** A setting the operator got wrong; the message is a sentence for them. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

const number = (fallback: number, minimum: number, meaning: string): z.ZodType<number> =>
  z.coerce.number().int().min(minimum).default(fallback).describe(meaning);
const choice = <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number], meaning: string) =>
  z
    .enum(values)
    .default(fallback as never)
    .describe(meaning);
const httpUrl = z.url({ protocol: /^https?$/ }).optional();

const schema = z.object({
  MODE: choice(["standalone", "server", "worker"], "standalone", "What this process is; the command wins"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8000).describe("Port of the server; 0 takes any free one"),
  HOST: z.string().default("127.0.0.1").describe("Address the server listens on; 0.0.0.0 for all"),
  BASE_URL: httpUrl.describe("Address users reach the server at; default http://localhost:PORT"),
  BASE_INTERNAL_URL: httpUrl.describe("Address jobs of this worker reach the server at"),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must begin with postgresql://")
    .optional()
    .describe("PostgreSQL 14 or newer; unset: the embedded PostgreSQL 18"),
  LOG_LEVEL: choice(["debug", "info", "warn", "error", "silent"], "warn", "How much the process says on stderr"),
  LOG_FORMAT: choice(["text", "json"], "text", "Lines for people, or JSON lines for machines"),
  WORKER_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, "may hold letters, digits, _ and -")
    .default("default")
    .describe("Name of the group the worker belongs to"),
  WORKER_TAGS: z.string().optional().describe("Tags the worker takes jobs of, comma separated; default all languages"),
  NUM_WORKERS: number(8, 1, "Jobs a worker runs at the same time"),
  TIMEOUT: number(604_800, 1, "Longest a job may run, in seconds"),
  TIMEOUT_WAIT_RESULT: number(600, 1, "Longest a run_wait_result waits, in seconds"),
  TIMEOUT_SSE_STREAM: number(60, 1, "How long an event stream of a job lives before the client comes back, in seconds"),
  TOWERMILL_DATA: z
    .string()
    .default("./.towermill")
    .describe("Folder for the embedded database, keys, caches and jobs"),
  TOWERMILL_ADMIN_EMAIL: z.email().default("admin@windmill.dev").describe("Email address of the first admin"),
  TOWERMILL_ADMIN_PASSWORD: z
    .string()
    .min(1)
    .optional()
    .describe("Password of the first admin; unset: random, printed once, kept in the data folder"),
  TOWERMILL_INSTANCE_KEY: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hexadecimal digits")
    .optional()
    .describe("Key that wraps the workspace keys; unset: made at the first start, in instance.key of the data folder"),
  TOWERMILL_ISOLATION: choice(
    ["auto", "bubblewrap", "unshare", "uid", "none"],
    "auto",
    "How jobs are isolated; auto takes the strongest that works",
  ),
  TOWERMILL_MEMORY_LIMIT_MB: number(2048, 64, "Memory a job may use"),
  TOWERMILL_TRUSTED_PROXIES: number(
    0,
    0,
    "Proxies before the server whose X-Forwarded-For is believed; failed logins are counted by the address they saw",
  ),
  TOWERMILL_BODY_LIMIT_MB: number(32, 1, "Largest request body"),
  TOWERMILL_RETENTION_DAYS: number(30, 1, "Ended jobs are deleted after this"),
  TOWERMILL_GRACE_SECONDS: number(20, 0, "How long a stopping worker lets its jobs run before it gives them back"),
  TOWERMILL_MCP_QUERY_TOKENS: choice(
    ["true", "false"],
    "true",
    "Tokens in the address (?token=) are accepted on the MCP addresses of workspaces; never logged",
  ),
  TOWERMILL_POOLER: choice(["true", "false"], "false", "DATABASE_URL is a PgBouncer in transaction mode"),
  TOWERMILL_FRESH: choice(["true", "false"], "false", "Every job gets a process of its own"),
});

export type Mode = z.infer<typeof schema>["MODE"];
type Parsed = z.infer<typeof schema>;
export type SettingName = keyof Parsed;

/** Everything the operator can set, parsed once per process. */
export type Settings = Readonly<Parsed & { dataFolder: string }>;

const secretNames = ["DATABASE_URL", "TOWERMILL_ADMIN_PASSWORD", "TOWERMILL_INSTANCE_KEY"] as const;
const names = Object.keys(schema.shape);

/** `NAME_FILE` names a file that holds the secret, so that it is not in the environment of every child. */
function withSecretFiles(values: Record<string, string>): Record<string, string> {
  const read = { ...values };
  for (const name of secretNames) {
    const file = values[`${name}_FILE`];
    if (file === undefined || read[name] !== undefined) continue;
    try {
      read[name] = readFileSync(file, "utf8").trim();
    } catch (error) {
      throw new SettingError(
        `${name}_FILE: ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  return read;
}

/**
 * Reads the settings: flags win over the environment. Empty values count as unset.
 * @throws SettingError naming the setting and what is wrong with it
 */
export function readSettings(
  environment: NodeJS.ProcessEnv,
  flags: Partial<Record<SettingName, string>> = {},
): Settings {
  const merged = Object.fromEntries(
    Object.entries({ ...environment, ...flags }).flatMap(([name, value]) => (value ? [[name, value] as const] : [])),
  );
  const parsed = schema.safeParse(withSecretFiles(merged));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SettingError(`${issue?.path.join(".") ?? "settings"}: ${issue?.message ?? "not valid"}`);
  }
  return { ...parsed.data, dataFolder: resolve(parsed.data.TOWERMILL_DATA) };
}

/** Every setting as rows for the documentation. */
export function settingTable(): { name: string; fallback: string; meaning: string; hasFile: boolean }[] {
  return Object.entries(schema.shape).map(([name, type]) => {
    const fallback = type.safeParse(undefined);
    return {
      name,
      fallback: fallback.success && fallback.data !== undefined ? String(fallback.data) : "",
      meaning: type.description ?? "",
      hasFile: (secretNames as readonly string[]).includes(name),
    };
  });
}

/** One sentence for each `TOWERMILL_*` name in the environment that is no setting, with the nearest that is. */
export function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  const known = new Set([...names, ...secretNames.map((name) => `${name}_FILE`)]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("TOWERMILL_") && !known.has(name))
    .map((name) => `${name} is not a setting; did you mean ${nearest(name)}?`);
}

function nearest(name: string): string {
  const own = names.filter((known) => known.startsWith("TOWERMILL_"));
  return own.reduce(
    (best, candidate) => (distance(name, candidate) < distance(name, best) ? candidate : best),
    own[0] ?? "",
  );
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, charA] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, charB] of [...b].entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (charA === charB ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
