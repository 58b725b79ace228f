import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

const leave = process.exit.bind(process, 0);

/**
 * The guest's ends of the worker's pipes. Reading blocks the whole process: between jobs nothing of the last job runs
 * on. Opened anew because descriptors opened here are not inherited by the programs that users start.
 */
export interface GuestPipes {
  /** The next message: a JSON line and the bytes after it. Ends the process when the worker is gone. */
  receive(): { header: Record<string, unknown>; payload: Buffer };
  /** Waits for the word on a job that was sent ahead: it was written down, or never was. */
  mayGo(): boolean;
  send(header: object, payload: readonly Uint8Array[]): void;
}

export function openGuestPipes(): GuestPipes {
  const control = openSync("/proc/self/fd/3", constants.O_RDONLY);
  const answer = openSync("/proc/self/fd/4", constants.O_WRONLY);
  for (const descriptor of [3, 4]) {
    try {
      closeSync(descriptor);
    } catch {
      // Deno does not let go of descriptors that it did not open.
    }
  }
  const piece = Buffer.allocUnsafe(65_536);
  let pending: Buffer = Buffer.alloc(0);
  const readMore = (): void => {
    const length = readSync(control, piece, 0, piece.length, null);
    if (length === 0) leave();
    const read = piece.subarray(0, length);
    pending = pending.length === 0 ? Buffer.from(read) : Buffer.concat([pending, read]);
  };
  const readPayload = (length: number): Buffer => {
    const payload = Buffer.allocUnsafe(length);
    let filled = pending.copy(payload, 0, 0, length);
    pending = pending.subarray(filled);
    while (filled < length) {
      const read = readSync(control, payload, filled, length - filled, null);
      if (read === 0) leave();
      filled += read;
    }
    return payload;
  };
  return {
    receive() {
      let end = pending.indexOf(10);
      while (end < 0) {
        readMore();
        end = pending.indexOf(10);
      }
      const header = JSON.parse(pending.toString("utf8", 0, end)) as Record<string, unknown>;
      pending = pending.subarray(end + 1);
      return { header, payload: readPayload(Number(header["argsBytes"])) };
    },
    mayGo() {
      if (pending.length === 0) readMore();
      const word = pending[0];
      pending = pending.subarray(1);
      return word === 103; // "g"
    },
    send(header, payload) {
      const bytes = payload.reduce((sum, part) => sum + part.length, 0);
      const line = Buffer.from(`${JSON.stringify({ ...header, bytes })}\n`);
      // In one piece when it is small: one write, one wake-up of the worker.
      const parts = bytes < 65_536 ? [Buffer.concat([line, ...payload])] : [line, ...payload];
      for (const part of parts) for (let at = 0; at < part.length;) at += writeSync(answer, part, at);
    },
  };
}
