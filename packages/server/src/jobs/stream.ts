import { setTimeout as sleep } from "node:timers/promises";
import type { Queryable } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";
import type { FlowView } from "../flows/view.ts";
import type { JobEvents } from "./events.ts";
import { detailExtras, findJobDetails, jobJson } from "./job-row.ts";
import { readUpdate, type Offsets, type Update, type UpdateOptions } from "./updates.ts";

export interface StreamOptions extends UpdateOptions {
  workspace: string;
  id: string;
  offsets: Offsets;
  /** The last event holds the bare result instead of the whole job. */
  onlyResult: boolean;
  /** Updates follow each other as they come, instead of one per 100 ms. */
  fast: boolean;
  /** How long the stream lives before it tells the client to come back. */
  limitMs: number;
  /** The job is a flow: its status is part of the updates. */
  flowView?: FlowView;
}

const pingMs = 15_000;
const paceMs = 100;
/** Most moves of a flow ring no bell of their own. */
const flowPaceMs = 500;

/** Wakes whoever waits; rings that nobody waited for are remembered. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** @returns false when the time was over first */
  async wait(milliseconds: number): Promise<boolean> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }
}

/** What decides whether an update is worth sending. */
function essence(update: Update & { flow_status?: unknown }): string {
  const { running, completed, log_offset, mem_peak, progress, stream_offset, flow_status } = update;
  return JSON.stringify([running, completed, log_offset, mem_peak, progress, stream_offset, flow_status]);
}

async function lastEvent(db: Queryable, update: Update, options: StreamOptions): Promise<string> {
  const row = await findJobDetails(db, options.workspace, options.id);
  const extra: Record<string, string> = {};
  if (options.onlyResult) extra["only_result"] = row?.result ?? "null";
  else if (row) {
    const flow = await options.flowView?.extras(row, { code: true });
    extra["job"] = jobJson(row, { ...detailExtras(row, { code: true, logs: null }), ...flow });
  }
  return composeJson({ type: "update", ...update }, extra);
}

async function* events(
  db: Queryable,
  options: StreamOptions,
  { bell, signal }: { bell: Bell; signal: AbortSignal },
): AsyncGenerator<string> {
  const deadline = performance.now() + options.limitMs;
  let offsets = options.offsets;
  let sent = "";
  let quietSince = performance.now();
  while (!signal.aborted) {
    const plain = await readUpdate(db, options.id, { offsets, options });
    if (!plain) return yield JSON.stringify({ type: "not_found" });
    if (plain.completed) return yield await lastEvent(db, plain, options);
    const status = await options.flowView?.status(options.id);
    const update = status ? { ...plain, flow_status: status } : plain;
    const now = essence(update);
    if (now !== sent) {
      sent = now;
      offsets = { log: update.log_offset, stream: update.stream_offset };
      quietSince = performance.now();
      yield JSON.stringify({ type: "update", ...update });
      if (!options.fast) await sleep(paceMs);
    }
    const left = deadline - performance.now();
    if (left <= 0) return yield JSON.stringify({ type: "timeout" });
    const untilPing = Math.max(0, quietSince + pingMs - performance.now());
    await bell.wait(Math.min(left, untilPing, options.flowView ? flowPaceMs : untilPing));
    if (!signal.aborted && performance.now() - quietSince >= pingMs) {
      quietSince = performance.now();
      yield JSON.stringify({ type: "ping" });
    }
  }
}

/**
 * A job's updates as server-sent events until it ends, the stream's time is over or the client goes away. It reads only
 * when the bus says that something changed, and with each ping in case a message was lost.
 */
export function streamUpdates(
  { db, jobEvents }: { db: Queryable; jobEvents: JobEvents },
  options: StreamOptions,
  client: AbortSignal,
): Response {
  const bell = new Bell();
  const gone = new AbortController();
  const signal = AbortSignal.any([client, gone.signal]);
  const unlisten = jobEvents.listen(options.id, () => bell.ring());
  const stop = (): void => {
    unlisten();
    bell.ring();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const source = events(db, options, { bell, signal });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await source.next();
        if (!done) return controller.enqueue(encoder.encode(`data: ${value}\n\n`));
      } catch {
        if (gone.signal.aborted) return;
        const error = JSON.stringify({ type: "error", error: "The job's state cannot be read now, try again" });
        controller.enqueue(encoder.encode(`data: ${error}\n\n`));
      }
      stop();
      if (!gone.signal.aborted) controller.close();
    },
    cancel: () => gone.abort(),
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    },
  });
}
