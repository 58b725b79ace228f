import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Log } from "../log.ts";

export interface ChannelOptions {
  readonly url: string;
  readonly channel: string;
  readonly log: Log;
  /** How often the connection is tried for life. */
  readonly pingMs: number;
  readonly onPayload: (payload: string) => void;
  /** Notifications may have been missed; called after each reconnection. */
  readonly onReconnect: () => void;
}

const answerMs = 5_000;

/** One connection that listens on a channel and notifies on it, replaced whenever it is lost. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #closed = new AbortController();
  #client: pg.Client | undefined;
  #supervising: Promise<void> = Promise.resolve();

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Connects and listens; throws when that fails. From then on lost connections are replaced. */
  async open(): Promise<void> {
    this.#supervising = this.#supervise(await this.#connect());
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** Sends payloads in one transaction. Throws when there is no connection. */
  async notify(payloads: readonly string[]): Promise<void> {
    if (this.#client === undefined) throw new Error("not connected");
    await this.#client.query("select pg_notify($1, payload) from unnest($2::text[]) as payload", [
      this.#options.channel,
      payloads,
    ]);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#supervising;
  }

  async #supervise(first: Connection): Promise<void> {
    let connection: Connection | undefined = first;
    while (connection !== undefined) {
      await this.#untilLost(connection);
      this.#client = undefined;
      await endQuietly(connection.client);
      if (this.#closed.signal.aborted) return;
      this.#options.log.warn({}, "the notification connection was lost; connecting again");
      connection = await this.#reconnect();
    }
  }

  async #reconnect(): Promise<Connection | undefined> {
    for (let pauseMs = 50; !this.#closed.signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        const connection = await this.#connect();
        if (!this.#closed.signal.aborted) this.#options.onReconnect();
        return connection;
      } catch (error) {
        this.#options.log.debug({ err: error }, "the notification connection is not back yet");
        const pause = pauseMs * (0.5 + Math.random() / 2);
        await sleep(pause, undefined, { signal: this.#closed.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  async #connect(): Promise<Connection> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      application_name: "towermill notifications",
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
      keepAlive: true,
    });
    const lost = new Promise<void>((resolve) => {
      client.on("error", () => resolve());
      client.on("end", () => resolve());
    });
    client.on("notification", ({ payload }) => this.#options.onPayload(payload ?? ""));
    try {
      await client.connect();
      // A lost notification costs nothing that a resync does not repair: no need to wait for the disk.
      await client.query("set synchronous_commit = off");
      await client.query(`listen ${client.escapeIdentifier(this.#options.channel)}`);
    } catch (error) {
      await endQuietly(client);
      throw error;
    }
    this.#client = client;
    return { client, lost };
  }

  /** Resolves when the connection is lost, does not answer, or the channel is closed. */
  async #untilLost({ client, lost }: Connection): Promise<void> {
    const over = new AbortController();
    const end = AbortSignal.any([over.signal, this.#closed.signal]);
    void lost.then(() => over.abort());
    while (!end.aborted) {
      await sleep(this.#options.pingMs, undefined, { signal: end }).catch(() => undefined);
      if (end.aborted) return;
      try {
        await client.query("select 1");
      } catch {
        return;
      }
    }
  }
}

interface Connection {
  readonly client: pg.Client;
  readonly lost: Promise<void>;
}

async function endQuietly(client: pg.Client): Promise<void> {
  // A server that no longer answers would keep an orderly goodbye waiting for ever.
  const force = setTimeout(() => client.connection.stream.destroy(), 1_000);
  await client.end().catch(() => undefined);
  clearTimeout(force);
}
