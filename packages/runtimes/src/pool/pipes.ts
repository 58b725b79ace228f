import { constants, openSync, unlinkSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

/** The worker's ends of a runner's pipes. */
export interface RunnerPipes {
  /** Writes to the guest. Data for a guest that died is lost without an error. */
  write(data: Buffer | string): void;
  onOutput(take: (chunk: Buffer) => void): void;
  onAnswer(take: (chunk: Buffer) => void): void;
  /** Calls when all output that was written before the answer that was just read has been read, too. */
  afterOutput(then: () => void): void;
  /** Resolves when all that is in the output pipe has been read. */
  drainOutput(): Promise<void>;
  close(): void;
}

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
  sockets.output.on("data", (chunk: Buffer) => takeOutput(chunk));
  return {
    write: (data) => void sockets.control.write(data),
    onOutput: (take) => {
      takeOutput = take;
    },
    onAnswer: (take) => void sockets.answer.on("data", take),
    // The event loop was told of everything readable at once, and looks into all of it before it comes here.
    afterOutput: (then) => void setImmediate(then),
    // A whole turn, whatever part of one this is called in.
    drainOutput: async () => {
      await nextTurn();
      await nextTurn();
    },
    close: () => {
      for (const socket of Object.values(sockets)) socket.destroy();
    },
  };
}
