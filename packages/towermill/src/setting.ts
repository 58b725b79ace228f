import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";

/** A setting the operator got wrong; the message is a sentence for them. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

const number = (fallback: number, minimum = 1): z.ZodType<number> => z.coerce.number().int().min(minimum).default(fallback);

const schema = z.object({
  MODE: z.enum(["standalone", "server", "worker"]).default("standalone"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8000),
  HOST: z.string().default("127.0.0.1"),
  BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  BASE_INTERNAL_URL: z.url({ protocol: /^https?$/ }).optional(),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, "must begin with postgresql://").optional(),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("warn"),
  LOG_FORMAT: z.enum(["text", "json"]).default("text"),
  WORKER_GROUP: z.string().regex(/^[A-Za-z0-9_-]+$/, "may hold letters, digits, _ and -").default("default"),
  WORKER_TAGS: z.string().optional(),
  NUM_WORKERS: number(8),
  TIMEOUT: number(604_800),
  TIMEOUT_WAIT_RESULT: number(600),
  TIMEOUT_SSE_STREAM: number(60),
  TOWERMILL_DATA: z.string().default("./.towermill"),
  TOWERMILL_ADMIN_EMAIL: z.email().default("admin@windmill.dev"),
  TOWERMILL_ADMIN_PASSWORD: z.string().min(1).optional(),
  TOWERMILL_INSTANCE_KEY: z.string().regex(/^[0-9a-fA-F]{64}$/, "must be 64 hexadecimal digits").optional(),
  TOWERMILL_ISOLATION: z.enum(["auto", "bubblewrap", "unshare", "uid", "none"]).default("auto"),
  TOWERMILL_MEMORY_LIMIT_MB: number(2048, 64),
  TOWERMILL_BODY_LIMIT_MB: number(32),
  TOWERMILL_RETENTION_DAYS: number(30),
  TOWERMILL_GRACE_SECONDS: number(20, 0),
  TOWERMILL_POOLER: z.enum(["true", "false"]).default("false"),
  TOWERMILL_FRESH: z.enum(["true", "false"]).default("false"),
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
      throw new SettingError(`${name}_FILE: ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return read;
}

/**
 * Reads the settings: flags win over the environment. Empty values count as unset.
 * @throws SettingError naming the setting and what is wrong with it
 */
export function readSettings(environment: NodeJS.ProcessEnv, flags: Partial<Record<SettingName, string>> = {}): Settings {
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

/** One sentence for each `TOWERMILL_*` name in the environment that is no setting, with the nearest that is. */
export function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  const known = new Set([...names, ...secretNames.map((name) => `${name}_FILE`)]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("TOWERMILL_") && !known.has(name))
    .map((name) => `${name} is not a setting; did you mean ${nearest(name)}?`);
}

function nearest(name: string): string {
  const own = names.filter((known) => known.startsWith("TOWERMILL_"));
  return own.reduce((best, candidate) => (distance(name, candidate) < distance(name, best) ? candidate : best), own[0] ?? "");
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
