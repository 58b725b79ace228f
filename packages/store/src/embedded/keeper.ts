import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { Postmaster } from "./postmaster.ts";

/** Starts the server again whenever it ends without having been told to. */
export class Keeper {
  readonly #start: () => Promise<Postmaster>;
  readonly #log: Log;
  readonly #stopped = new AbortController();
  #current: Postmaster;
  readonly #watching: Promise<void>;

  constructor(options: { start: () => Promise<Postmaster>; log: Log; first: Postmaster }) {
    this.#start = options.start;
    this.#log = options.log;
    this.#current = options.first;
    this.#watching = this.#watch();
  }

  get pid(): number {
    return this.#current.pid;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#current.stop();
    await this.#watching;
    await this.#current.stop();
  }

  async #watch(): Promise<void> {
    for (;;) {
      const lastWords = await this.#current.ended;
      if (this.#stopped.signal.aborted) return;
      this.#log.error({ lastWords }, "the embedded PostgreSQL ended by itself; starting it again");
      await this.#current.stop();
      await this.#restart();
    }
  }

  async #restart(): Promise<void> {
    for (let pauseMs = 100; !this.#stopped.signal.aborted; pauseMs = Math.min(pauseMs * 2, 5000)) {
      try {
        const next = await this.#start();
        if (this.#stopped.signal.aborted) return await next.stop();
        this.#current = next;
        return;
      } catch (error) {
        this.#log.error({ err: error }, "the embedded PostgreSQL does not start; trying again");
        await sleep(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      }
    }
  }
}
