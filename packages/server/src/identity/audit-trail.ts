import type { Database, Log } from "@towermill/store";
import { audit, globalAudit, type AuditEntry } from "./audit.ts";

export { globalAudit };

/** Entries of one moment go into one transaction. */
const gatherMs = 100;

/**
 * Writes entries down without anybody waiting: for calls that are not part of a transaction and may be many. What waits
 * when the process is killed is lost, as it would be a moment earlier.
 */
export function auditTrail({ db, log }: { db: Database; log: Log }): (entry: AuditEntry) => void {
  let waiting: AuditEntry[] = [];
  const flush = (): void => {
    const entries = waiting;
    waiting = [];
    db.transaction(async (tx) => {
      for (const entry of entries) await audit(tx, entry);
    }).catch((error: unknown) =>
      log.warn({ err: error, entries: entries.length }, "calls could not be written to the audit trail"),
    );
  };
  return (entry) => {
    waiting.push(entry);
    if (waiting.length === 1) setTimeout(flush, gatherMs).unref();
  };
}
