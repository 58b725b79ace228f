import { randomBytes } from "node:crypto";
import type { Log } from "./log.ts";
import { silentLog } from "./log.ts";
import { Channel } from "./notifications/channel.ts";
import { Outbox } from "./notifications/outbox.ts";
import { decodeMessage } from "./notifications/payload.ts";
import { helloEveryMs, Peers } from "./notifications/peers.ts";

/**
 * Tells every process of the installation that something happened. A message is a hint, never the only record: it can
 * be lost with a connection, after which subscribers of `onResync` look for themselves.
 */
export interface Bus {
  /** Calls this process's subscribers at once, those of others within about 5 ms. */
  publish(topic: string, ids: readonly string[]): void;
  /** Calls `listen` with the ids of each message on the topic; the result unsubscribes. */
  subscribe(topic: string, listen: (ids: string[]) => void): () => void;
  /** Calls `listen` when messages may have been missed: check everything again. The result unsubscribes. */
  onResync(listen: () => void): () => void;
  /** Sends what waits, then closes the connection. May be called twice. */
  close(): Promise<void>;
}

export interface BusOptions {
  /** A direct connection to PostgreSQL: LISTEN does not work through PgBouncer in transaction mode. */
  readonly url: string;
  readonly log?: Log;
  /** Name of the PostgreSQL channel; processes hear only those of the same database and channel. */
  readonly channel?: string;
  /** Least time between two NOTIFYs of this process; default 5 ms. */
  readonly intervalMs?: number;
  /** How often the connection is tried for life; default 30 s. */
  readonly pingMs?: number;
}

const probeMs = 3_000;

/** Connects the bus; throws when the first connection fails, replaces a connection lost later. */
export async function openBus(options: BusOptions): Promise<Bus> {
  const log = options.log ?? silentLog;
  const from = randomBytes(9).toString("base64url");
  const subscribers = new Subscribers(log);
  const peers = new Peers(performance.now());
  const hello = [JSON.stringify([from, {}])];
  let heardItself = false;
  const channel = new Channel({
    url: options.url,
    channel: options.channel ?? "towermill",
    log,
    pingMs: options.pingMs ?? 30_000,
    onPayload: (payload) => {
      const message = decodeMessage(payload);
      if (message?.from === from) heardItself = true;
      if (message === undefined || message.from === from) return;
      // what was said while it was thought to be alone, it did not hear
      if (peers.hear(message.from, performance.now())) outbox.resync();
      for (const [topic, ids] of message.topics) subscribers.deliver(topic, ids);
      if (message.resync) subscribers.resync();
    },
    onReconnect: () => {
      outbox.flushSoon();
      subscribers.resync();
    },
  });
  const mayListen = (): boolean => peers.mayListen(performance.now());
  const outbox = new Outbox({ from, channel, log, mayListen, intervalMs: options.intervalMs ?? 5 });
  await channel.open();
  const sayHello = (): Promise<void> => channel.notify(hello).catch(() => undefined);
  await sayHello();
  let saidMs = performance.now();
  const greeting = setInterval(() => {
    // this process stood still so long that the others may have stopped telling it anything
    if (performance.now() - saidMs > helloEveryMs * 2) subscribers.resync();
    saidMs = performance.now();
    void sayHello();
  }, helloEveryMs).unref();
  const probe = setTimeout(() => {
    if (!heardItself)
      log.warn(
        {},
        "notifications do not arrive, work will start late: the bus needs a direct connection, not PgBouncer",
      );
  }, probeMs).unref();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearTimeout(probe);
    clearInterval(greeting);
    await outbox.close();
    await channel.close();
  };
  return {
    publish: (topic, ids) => {
      if (ids.length === 0) return;
      outbox.add(topic, ids);
      subscribers.deliver(topic, ids);
    },
    subscribe: (topic, listen) => subscribers.add(topic, listen),
    onResync: (listen) => subscribers.addResync(listen),
    close: () => (closing ??= close()),
  };
}

class Subscribers {
  readonly #log: Log;
  readonly #topics = new Map<string, Set<(ids: string[]) => void>>();
  readonly #resync = new Set<() => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(topic: string, listen: (ids: string[]) => void): () => void {
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners);
    // A wrapper of its own: the same function subscribed twice is called twice and unsubscribed separately.
    const own = (ids: string[]): void => listen(ids);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  addResync(listen: () => void): () => void {
    const own = (): void => listen();
    this.#resync.add(own);
    return () => void this.#resync.delete(own);
  }

  deliver(topic: string, ids: readonly string[]): void {
    for (const listen of this.#topics.get(topic) ?? []) this.#guard(topic, () => listen([...ids]));
  }

  resync(): void {
    for (const listen of this.#resync) this.#guard("resync", listen);
  }

  // One subscriber's error must not keep the others from hearing.
  #guard(topic: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error({ err: error, topic }, "a subscriber of the bus failed");
    }
  }
}
