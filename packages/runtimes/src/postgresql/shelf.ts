import type { Connection } from "./connection.ts";

const keptMs = 60_000;
const mostKept = 20;

interface Kept {
  key: string;
  connection: Connection;
  timer: NodeJS.Timeout;
}

/** Sessions that wait for the next job of the same domain and database, up to 60 s. */
export class ConnectionShelf {
  #kept: Kept[] = [];
  readonly #returning = new Map<Promise<void>, string>();
  #closed = false;

  /** A session whose state is that of a new one, or null when there is none; waits for one that is just coming back. */
  async take(key: string): Promise<Connection | null> {
    for (;;) {
      const found = this.#kept.findLast((kept) => kept.key === key);
      const returning = Array.from(this.#returning).find(([, other]) => other === key)?.[0];
      if (found === undefined && returning === undefined) return null;
      if (found === undefined) {
        await returning;
        continue;
      }
      this.#remove(found);
      if (!found.connection.lost) return found.connection;
    }
  }

  /** Takes a session back: what the job left in it (transaction, settings, locks, temporary tables) goes. */
  giveBack(key: string, connection: Connection): void {
    const returning = this.#return(key, connection)
      .catch(() => connection.destroy())
      .finally(() => this.#returning.delete(returning));
    this.#returning.set(returning, key);
  }

  /** Ends every session that waits here or comes back. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#returning.keys());
    await Promise.all(this.#kept.map((kept) => this.#end(kept)));
  }

  async #return(key: string, connection: Connection): Promise<void> {
    if (this.#closed || connection.lost) return connection.end();
    const impatience = setTimeout(() => connection.destroy(), 5000);
    try {
      await connection.client.query("rollback");
      await connection.client.query("discard all");
    } finally {
      clearTimeout(impatience);
    }
    if (this.#closed || connection.lost) return connection.end();
    const kept = { key, connection, timer: setTimeout(() => void this.#end(kept), keptMs) };
    kept.timer.unref();
    this.#kept.push(kept);
    const [oldest] = this.#kept;
    if (this.#kept.length > mostKept && oldest !== undefined) await this.#end(oldest);
  }

  #remove(kept: Kept): void {
    clearTimeout(kept.timer);
    this.#kept = this.#kept.filter((other) => other !== kept);
  }

  async #end(kept: Kept): Promise<void> {
    this.#remove(kept);
    await kept.connection.end();
  }
}
