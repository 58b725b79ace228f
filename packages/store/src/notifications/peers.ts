/**
 * Which other processes hear this one. A NOTIFY costs a commit and every commit behind it, so a process that is alone
 * sends none. Times are milliseconds of a monotonic clock.
 */
export class Peers {
  readonly #heard = new Map<string, number>();
  readonly #openedMs: number;

  constructor(nowMs: number) {
    this.#openedMs = nowMs;
  }

  /** Notes a message of a process. @returns whether nobody was told anything before: it may have missed something */
  hear(from: string, nowMs: number): boolean {
    const wasAlone = !this.mayListen(nowMs);
    this.#heard.set(from, nowMs);
    return wasAlone;
  }

  /** Whether somebody may listen: somebody was heard lately, or there was no time yet to hear anybody. */
  mayListen(nowMs: number): boolean {
    for (const [from, heardMs] of this.#heard) {
      if (nowMs - heardMs > forgottenAfterMs) this.#heard.delete(from);
    }
    return this.#heard.size > 0 || nowMs - this.#openedMs < settlingMs;
  }
}

/** How often a process says that it is there, how long it counts as there, and how long a new one assumes company. */
export const helloEveryMs = 4_000;
const forgottenAfterMs = 15_000;
const settlingMs = 10_000;
