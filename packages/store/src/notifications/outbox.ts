import type { Log } from "../log.ts";
import type { Channel } from "./channel.ts";
import { encodeMessage } from "./payload.ts";

interface OutboxOptions {
  readonly from: string;
  readonly channel: Channel;
  readonly log: Log;
  readonly intervalMs: number;
  /** Whether any other process may hear; if none does, nothing is sent. */
  readonly mayListen: () => boolean;
}

// While the database is away messages pile up; beyond this many one "look for yourselves" replaces them.
const mostWaiting = 5_000;
const closeMs = 1_000;
const retryMs = 500;

/** Messages on their way out, gathered so that NOTIFY, which every commit waits for, is sent seldom. */
export class Outbox {
  readonly #options: OutboxOptions;
  #waiting = new Map<string, Set<string>>();
  #count = 0;
  #resync = false;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #lastSent = 0;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  add(topic: string, ids: readonly string[]): void {
    if (this.#closed || !this.#options.mayListen()) return;
    const waiting = this.#waiting.get(topic) ?? new Set();
    this.#waiting.set(topic, waiting);
    const before = waiting.size;
    for (const id of ids) waiting.add(id);
    this.#count += waiting.size - before;
    if (this.#count > mostWaiting) {
      this.#clear();
      this.#resync = true;
    }
    this.flushSoon();
  }

  /** Tells the others to look for themselves. */
  resync(): void {
    this.#resync = true;
    this.flushSoon();
  }

  flushSoon(): void {
    if (this.#closed || this.#timer !== undefined || this.#sending !== undefined || this.#isEmpty()) return;
    if (!this.#options.channel.connected) return;
    const wait = Math.max(0, this.#lastSent + this.#options.intervalMs - performance.now());
    this.#timer = setTimeout(() => this.#send(), wait);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, closeMs).unref());
    await Promise.race([this.#sendRest(), deadline]);
  }

  async #sendRest(): Promise<void> {
    await this.#sending;
    if (!this.#isEmpty() && this.#options.channel.connected) await this.#sendOnce();
  }

  #send(): void {
    this.#timer = undefined;
    this.#sending = this.#sendOnce().finally(() => {
      this.#sending = undefined;
      this.flushSoon();
    });
  }

  async #sendOnce(): Promise<void> {
    const { from, channel, log } = this.#options;
    const topics = new Map([...this.#waiting].map(([topic, ids]) => [topic, [...ids]]));
    const payloads = encodeMessage({ from, topics, resync: this.#resync });
    this.#clear();
    this.#resync = false;
    this.#lastSent = performance.now();
    try {
      await channel.notify(payloads);
    } catch (error) {
      // What exactly arrived is unknown: the others look for themselves once the connection is back.
      this.#resync = true;
      this.#lastSent += retryMs;
      log.debug({ err: error }, "a notification was not sent; a resync will follow");
    }
  }

  #clear(): void {
    this.#waiting = new Map();
    this.#count = 0;
  }

  #isEmpty(): boolean {
    return this.#count === 0 && !this.#resync;
  }
}
