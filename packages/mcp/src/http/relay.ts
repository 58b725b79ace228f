import { sql, type Bus, type Database } from "@towermill/store";

/**
 * Streams of the older transport live in the process that opened them, while messages for them may reach any. A message
 * goes through the database then; the process with the stream is told to fetch it.
 */
export interface Relay {
  open(stream: { id: string; principal: string; workspace: string }): Promise<void>;
  /** Passes a message on; `false` when no living process has such a stream of this principal and workspace. */
  pass(message: { stream: string; principal: string; workspace: string; text: string }): Promise<boolean>;
  close(stream: string): Promise<void>;
  /** Says that streams are alive. */
  beat(streams: readonly string[]): Promise<void>;
  stop(): void;
}

const topic = "mcp-message";

interface MessageRow {
  stream: string;
  message: string;
}

export interface RelayOptions {
  db: Database;
  bus: Bus;
  /** Whether this process has the stream. */
  has(stream: string): boolean;
  deliver(stream: string, text: string): void;
}

export function createRelay({ db, bus, has, deliver }: RelayOptions): Relay {
  const fetch = async (streams: string[]): Promise<void> => {
    const rows = await db.query<MessageRow & { id: string }>(sql`
      delete from mcp_message where stream = any(${streams}::text[]) returning id::text, stream, message`);
    rows.sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
    for (const row of rows) deliver(row.stream, row.message);
  };
  const stop = bus.subscribe(topic, (ids) => {
    const own = ids.filter(has);
    if (own.length > 0) fetch(own).catch(() => undefined); // the client repeats what is not answered
  });
  return {
    stop,
    async open({ id, principal, workspace }) {
      await db.execute(sql`
        with old as (delete from mcp_stream where seen_at < now() - interval '1 hour')
        insert into mcp_stream (id, principal, workspace_id) values (${id}, ${principal}, ${workspace})`);
    },
    async pass({ stream, principal, workspace, text }) {
      const stored = await db.execute(sql`
        insert into mcp_message (stream, message)
        select id, ${text} from mcp_stream
        where id = ${stream} and principal = ${principal} and workspace_id = ${workspace} and seen_at > now() - interval '3 minutes'`);
      if (stored === 0) return false;
      bus.publish(topic, [stream]);
      return true;
    },
    async close(stream) {
      await db.execute(sql`delete from mcp_stream where id = ${stream}`);
    },
    async beat(streams) {
      if (streams.length > 0)
        await db.execute(sql`update mcp_stream set seen_at = now() where id = any(${[...streams]}::text[])`);
    },
  };
}
