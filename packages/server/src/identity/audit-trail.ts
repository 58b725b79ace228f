import { sql, type Database, type Log } from "@towermill/store";
import { globalAudit, type AuditEntry } from "./audit.ts";

export { globalAudit };

/** Entries that nobody waits for. */
export interface AuditTrail {
  add(entry: AuditEntry): void;
  /** Resolves when everything that was added is written. */
  settle(): Promise<void>;
}

/** Entries of one moment are written by one statement. */
const gatherMs = 100;
const longest = 500;
const unstorable = /[\0\p{Cs}]/gu;

function clean(text: string): string {
  return text.replace(unstorable, "\uFFFD").slice(0, longest);
}

async function write(db: Database, entries: readonly AuditEntry[]): Promise<void> {
  const texts = (of: (entry: AuditEntry) => string | undefined): (string | null)[] =>
    entries.map((entry) => {
      const text = of(entry);
      return text === undefined ? null : clean(text);
    });
  const parameters = entries.map((entry) =>
    JSON.stringify(entry.parameters ?? {}, (_, value: unknown) => (typeof value === "string" ? clean(value) : value)),
  );
  await db.execute(sql`
    insert into audit (workspace_id, username, operation, action_kind, resource, parameters)
    select * from unnest(${texts((e) => e.workspace)}::text[], ${texts((e) => e.username)}::text[], ${texts((e) => e.operation)}::text[],
      ${texts((e) => e.actionKind)}::text[], ${texts((e) => e.resource)}::text[], ${parameters}::jsonb[])`);
}

/**
 * Writes entries down behind the caller's back: for calls that are not part of a transaction and may be many. What waits
 * when the process is killed is lost, as it would be a moment earlier.
 */
export function auditTrail({ db, log }: { db: Database; log: Log }): AuditTrail {
  let waiting: AuditEntry[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const entries = waiting;
    waiting = [];
    if (entries.length === 0) return writing;
    const failed = (error: unknown): void =>
      log.warn({ err: error, entries: entries.length }, "calls could not be written to the audit trail");
    writing = writing.then(() => write(db, entries)).catch(failed);
    return writing;
  };
  return {
    add(entry) {
      waiting.push(entry);
      timer ??= setTimeout(() => void flush(), gatherMs);
    },
    settle: flush,
  };
}
