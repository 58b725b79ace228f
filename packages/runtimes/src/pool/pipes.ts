import { constants, openSync, readSync, unlinkSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

/** The worker's ends of a runner's pipes. */
export interface RunnerPipes {
  /** Writes to the guest. Data for a guest that died is lost without an error. */
  write(data: Buffer | string): void;
  onOutput(take: (chunk: Buffer) => void): void;
  onAnswer(take: (chunk: Buffer) => void): void;
  /** Reads what is in the output pipe right now, so that all that was written before an answer is there before it. */
  drainOutput(): void;
  close(): void;
}

const pieceBytes = 65_536;
const piece = Buffer.allocUnsafe(pieceBytes);

/** Opens the named pipes that the launcher made in `folder` and removes their names: nobody else can open them. */
export function openPipes(folder: string): RunnerPipes {
  const output = openSync(join(folder, "output"), constants.O_RDONLY | constants.O_NONBLOCK);
  const answer = openSync(join(folder, "answer"), constants.O_RDONLY | constants.O_NONBLOCK);
  const control = openSync(join(folder, "control"), constants.O_WRONLY | constants.O_NONBLOCK);
  for (const name of ["output", "answer", "control"]) unlinkSync(join(folder, name));
  const sockets = {
    output: new Socket({ fd: output, readable: true, writable: false }),
    answer: new Socket({ fd: answer, readable: true, writable: false }),
    control: new Socket({ fd: control, readable: false, writable: true }),
  };
  for (const socket of Object.values(sockets)) socket.on("error", () => undefined);
  let takeOutput: (chunk: Buffer) => void = () => undefined;
  let closed = false;
  let outputEnded = false;
  sockets.output.on("data", (chunk: Buffer) => takeOutput(chunk));
  sockets.output.once("close", () => {
    outputEnded = true;
  });
  return {
    write: (data) => void sockets.control.write(data),
    onOutput: (take) => {
      takeOutput = take;
    },
    onAnswer: (take) => void sockets.answer.on("data", take),
    drainOutput: () => {
      if (!closed && !outputEnded) drain(output, takeOutput);
    },
    close: () => {
      closed = true;
      for (const socket of Object.values(sockets)) socket.destroy();
    },
  };
}

/** Nothing reads the descriptor in between: the event loop's own reads happen on this very thread. */
function drain(descriptor: number, take: (chunk: Buffer) => void): void {
  // A writer faster than this reader must not hold the worker: what a job's leftovers write later is not the job's.
  for (let pieces = 0; pieces < 4096; pieces += 1) {
    const length = readNow(descriptor);
    if (length === 0) return;
    take(Buffer.from(piece.subarray(0, length)));
  }
}

/** Bytes read into `piece`; 0 when there is nothing to read. */
function readNow(descriptor: number): number {
  const { stackTraceLimit } = Error;
  // An empty pipe is an error (EAGAIN) to readSync, of every job that prints nothing; its stack would cost more than the read.
  Error.stackTraceLimit = 0;
  try {
    return readSync(descriptor, piece, 0, pieceBytes, null);
  } catch {
    return 0;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
