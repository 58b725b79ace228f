import { connect as connectSocket, Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import pg from "pg";
import type { DatabaseAddress } from "./database.ts";

/** One session of a database. */
export interface Connection {
  readonly client: pg.Client;
  /** Asks the server to end the statement that is running; its failure arrives where it was started. */
  cancel(): void;
  /** Drops the session at once, without a goodbye. */
  destroy(): void;
  /** Says goodbye; drops the session where the server does not answer. */
  end(): Promise<void>;
  readonly lost: boolean;
}

const patienceMs = 2000;

/** Opens a session, encrypted as its resource says. Rejects when `signal` aborts. */
export async function connect(address: DatabaseAddress, signal: AbortSignal): Promise<Connection> {
  const [first = false, ...others] = address.encryption;
  try {
    return await connectOnce(address, first, signal);
  } catch (error) {
    const [next] = others;
    const isRefused = error instanceof Error && error.message.includes("does not support SSL");
    if (next === undefined || !isRefused || signal.aborted) throw error;
    return connectOnce(address, next, signal);
  }
}

async function connectOnce(
  { host, port, user, password, database }: DatabaseAddress,
  ssl: ConnectionOptions | false,
  signal: AbortSignal,
): Promise<Connection> {
  signal.throwIfAborted();
  const socket = new Socket();
  const client = new pg.Client({
    host,
    port,
    user,
    // A text that is empty would be looked for in the environment and in files of the worker's account.
    password: () => password,
    database,
    ssl,
    stream: () => socket,
    application_name: "towermill",
    connectionTimeoutMillis: 20_000,
    keepAlive: true,
  });
  const connection = new Session(client, socket, { host, port });
  const abort = (): void => connection.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect();
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

class Session implements Connection {
  readonly client: pg.Client;
  readonly #socket: Socket;
  readonly #at: { host: string; port: number };
  lost = false;

  constructor(client: pg.Client, socket: Socket, at: { host: string; port: number }) {
    this.client = client;
    this.#socket = socket;
    this.#at = at;
    // Without a listener a lost connection would end the worker.
    client.on("error", () => (this.lost = true));
    client.on("end", () => (this.lost = true));
  }

  /** The protocol's own request, on a connection of its own: it also passes through poolers. */
  cancel(): void {
    const { processID, secretKey } = this.client as unknown as { processID: number | null; secretKey: number | null };
    if (processID === null || secretKey === null) return this.destroy();
    const request = Buffer.alloc(16);
    [16, 80_877_102, processID, secretKey].forEach((word, index) => request.writeInt32BE(word | 0, index * 4));
    const socket = connectSocket(this.#at, () => socket.end(request));
    socket.setTimeout(patienceMs, () => socket.destroy());
    socket.on("error", () => this.destroy());
    socket.unref();
  }

  destroy(): void {
    this.lost = true;
    this.#socket.destroy();
  }

  async end(): Promise<void> {
    if (this.lost) return this.destroy();
    const impatience = setTimeout(() => this.destroy(), patienceMs);
    await this.client.end().catch(() => undefined);
    clearTimeout(impatience);
    this.destroy();
  }
}
