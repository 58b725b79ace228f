import { appendLogs, appendStream, type LogChunk } from "@towermill/queue";
import type { Bus, Database, Log } from "@towermill/store";

/** The log of one running job. */
export interface JobLog {
  write(text: string): void;
  /** Text streamed as the result so far. */
  stream(text: string): void;
  streamed(): string;
  /** What has not been written yet, to be written with the completion; waits for a write that is under way. */
  take(): Promise<{ position: number; text: string } | null>;
}

/** Writes the logs of all jobs of a worker, batched. */
export interface LogWriter {
  open(job: { id: string; attempt: number; position: number }): JobLog;
  close(): Promise<void>;
}

interface OpenLog {
  id: string;
  attempt: number;
  position: number;
  text: string;
  streamed: string;
  streamSent: number;
}

const flushEveryMs = 100;
/** A chunk is cut here, so that no row and no notification grows without bound. */
const largestChunk = 256 * 1024;
/** A log this long does not wait for the next round. */
const promptFrom = 1024 * 1024;
/** Unwritten text of one job above which it is dropped with a notice; more than the runtimes let a job log. */
const largestBacklog = 24 * 1024 * 1024;

export function createLogWriter({ db, bus, log }: { db: Database; bus: Bus; log: Log }): LogWriter {
  const open = new Set<OpenLog>();
  let flushing: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function flush(): Promise<void> {
    const dirty = [...open].filter(isDirty);
    if (dirty.length === 0) return;
    const chunks: LogChunk[] = dirty.flatMap((entry) => cut(entry));
    const streams = dirty
      .map((entry) => ({ entry, text: entry.streamed.slice(entry.streamSent) }))
      .filter((s) => s.text !== "");
    if (chunks.length > 0) await appendLogs(db, chunks).catch((error: unknown) => putBack(dirty, chunks, error));
    for (const { entry, text } of streams) {
      await appendStream(db, { jobId: entry.id, attempt: entry.attempt, text });
      entry.streamSent += text.length;
    }
    bus.publish(
      "logs",
      dirty.map((entry) => entry.id),
    );
    if (streams.length > 0)
      bus.publish(
        "live",
        streams.map(({ entry }) => entry.id),
      );
  }

  const run = (): void => {
    clearTimeout(timer);
    timer = undefined;
    flushing = flush()
      .catch((error: unknown) => log.warn({ err: error }, "log lines could not be written, trying again"))
      .finally(() => {
        flushing = null;
        if ([...open].some(isDirty)) schedule();
      });
  };

  // One write at a time: whoever waits for it knows that nothing else is under way.
  const schedule = (prompt = false): void => {
    if (flushing !== null || closed) return;
    if (prompt) run();
    else timer ??= setTimeout(run, flushEveryMs);
  };

  return {
    open({ id, attempt, position }) {
      const entry: OpenLog = { id, attempt, position, text: "", streamed: "", streamSent: 0 };
      open.add(entry);
      return {
        write(text) {
          if (entry.text.length > largestBacklog) return;
          entry.text += text;
          if (entry.text.length > largestBacklog)
            entry.text += "\n[log lines are missing here: the database did not take them in time]\n";
          schedule(entry.text.length > promptFrom);
        },
        stream(text) {
          entry.streamed += text;
          schedule();
        },
        streamed: () => entry.streamed,
        async take() {
          await flushing;
          open.delete(entry);
          return entry.text === "" ? null : { position: entry.position, text: entry.text };
        },
      };
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await flushing;
    },
  };
}

function isDirty({ text, streamed, streamSent }: OpenLog): boolean {
  return text !== "" || streamSent < streamed.length;
}

/** Text that could not be written waits for the next flush. */
function putBack(entries: readonly OpenLog[], chunks: readonly LogChunk[], error: unknown): never {
  for (const entry of entries) {
    const own = chunks.filter((chunk) => chunk.jobId === entry.id);
    entry.position = own[0]?.position ?? entry.position;
    entry.text = own.map((chunk) => chunk.text).join("") + entry.text;
  }
  throw error;
}

/** Takes a log's unwritten text as chunks; a surrogate pair is never split. */
function cut(entry: OpenLog): LogChunk[] {
  const chunks: LogChunk[] = [];
  for (let at = 0; at < entry.text.length;) {
    let end = Math.min(entry.text.length, at + largestChunk);
    const last = entry.text.charCodeAt(end - 1);
    if (end < entry.text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    const text = entry.text.slice(at, end);
    chunks.push({ jobId: entry.id, attempt: entry.attempt, position: entry.position, text });
    entry.position += text.length;
    at = end;
  }
  entry.text = "";
  return chunks;
}
