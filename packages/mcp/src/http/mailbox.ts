import { sql, type Bus, type Database } from "@towermill/store";

/**
 * Where messages for something that waits in one process arrive, whichever process they reach first: streams of the older
 * transport, and questions that a client of the 2025 revisions is asked. A message goes through the database then; the
 * process with the mailbox is told to fetch it.
 */
export interface Mailboxes {
  /**
   * @param id unguessable; whoever knows it and is the owner may post
   * @throws Error when too many are open
   */
  open(id: string, owner: Owner, deliver: (text: string) => void): Promise<void>;
  /** Passes a message on; `false` when no living process has such a mailbox of this owner. */
  post(id: string, owner: Owner, text: string): Promise<boolean>;
  close(id: string): Promise<void>;
  stop(): void;
}

/** Only the token that opened a mailbox, in the same workspace, may post to it. */
export interface Owner {
  principal: string;
  /** `""` on the address of all workspaces. */
  workspace: string;
}

const topic = "mcp-message";
/** More at once are no clients but a mistake. */
const mostBoxes = 10_000;
/** A process that has not said for three minutes that it lives has lost its mailboxes. */
const beatMs = 15_000;

interface MessageRow {
  id: string;
  stream: string;
  message: string;
}

interface Mailbox {
  owner: Owner;
  deliver(text: string): void;
}

export function createMailboxes({ db, bus }: { db: Database; bus: Bus }): Mailboxes {
  const boxes = new Map<string, Mailbox>();
  const fetch = async (ids: string[]): Promise<void> => {
    const rows = await db.query<MessageRow>(sql`
      delete from mcp_message where stream = any(${ids}::text[]) returning id::text, stream, message`);
    rows.sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
    for (const row of rows) boxes.get(row.stream)?.deliver(row.message);
  };
  const beat = async (): Promise<void> => {
    if (boxes.size > 0)
      await db.execute(sql`update mcp_stream set seen_at = now() where id = any(${[...boxes.keys()]}::text[])`);
  };
  const timer = setInterval(() => void beat().catch(() => undefined), beatMs).unref();
  const unsubscribe = bus.subscribe(topic, (ids) => {
    const own = ids.filter((id) => boxes.has(id));
    if (own.length > 0) fetch(own).catch(() => undefined); // the client repeats what is not answered
  });
  return {
    stop() {
      clearInterval(timer);
      unsubscribe();
    },
    async open(id, owner, deliver) {
      if (boxes.size >= mostBoxes) throw new Error("too many streams and questions are open in this process");
      await db.execute(sql`
        with old as (delete from mcp_stream where seen_at < now() - interval '1 hour')
        insert into mcp_stream (id, principal, workspace_id) values (${id}, ${owner.principal}, ${owner.workspace})`);
      boxes.set(id, { owner, deliver });
    },
    async post(id, { principal, workspace }, text) {
      const own = boxes.get(id);
      if (own) {
        const fits = own.owner.principal === principal && own.owner.workspace === workspace;
        if (fits) own.deliver(text);
        return fits;
      }
      // the lock lets a mailbox that is being closed either take the message along or be gone
      const stored = await db.execute(sql`
        with box as (
          select id from mcp_stream
          where id = ${id} and principal = ${principal} and workspace_id = ${workspace}
            and seen_at > now() - interval '3 minutes'
          for key share)
        insert into mcp_message (stream, message) select id, ${text} from box`);
      if (stored === 0) return false;
      bus.publish(topic, [id]);
      return true;
    },
    async close(id) {
      boxes.delete(id);
      await db.execute(sql`delete from mcp_stream where id = ${id}`);
    },
  };
}
