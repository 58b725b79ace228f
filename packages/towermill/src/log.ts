import { pino, type Logger } from "pino";
import type { Settings } from "./setting.ts";

const levels: Record<number, string> = { 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

interface Line {
  level: number;
  time: number;
  msg?: string;
  err?: { message?: string; stack?: string };
  [field: string]: unknown;
}

/** One readable line per entry, for people; machines set LOG_FORMAT=json. */
function readable(text: string): string {
  const { level, time, msg, err, pid: _pid, hostname: _hostname, ...fields } = JSON.parse(text) as Line;
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const head = `${new Date(time).toISOString()} ${levels[level] ?? level} ${msg ?? ""}`;
  return `${[head, ...rest].join(" ")}${err ? `\n  ${err.stack ?? err.message ?? ""}` : ""}\n`;
}

/** Where a token may stand in a log line. */
const secretFields = [
  "token",
  "password",
  "authorization",
  "cookie",
  "*.token",
  "*.password",
  "*.authorization",
  "*.cookie",
];

/** The process's own log, on stderr: stdout belongs to what the program prints for its user. */
export function createLog({ LOG_LEVEL, LOG_FORMAT }: Settings): Logger {
  const options = { level: LOG_LEVEL, redact: { paths: secretFields, censor: "••••" } };
  const write = LOG_FORMAT === "json" ? (text: string) => text : readable;
  return pino(options, { write: (text: string) => void process.stderr.write(write(text)) });
}
