import type { Prepared } from "../runtime.ts";

/** Worker to guest, one line, followed by `argsBytes` bytes of JSON text. See `guests/`. */
export interface RunMessage {
  entry: string;
  entrypoint: string;
  preprocess: boolean;
  parameters: Prepared["parameters"];
  /** The whole environment of the job. */
  env: Record<string, string>;
  /** Folder the guest enters, and empties afterwards. */
  cwd: string;
  argsBytes: number;
  /** Longest result in bytes. */
  resultLimit: number;
  /** It is sent ahead to be made ready. A byte follows: {@link go} once it may run, {@link drop} when it never may. */
  held: boolean;
}

export const go = "g";
export const drop = "x";

interface RunMessageParts extends Omit<RunMessage, "argsBytes" | "env"> {
  /** JSON text. */
  env: string;
  /** JSON text. */
  args: string;
}

/** A {@link RunMessage} with what follows it, put together of texts: that is a part of every job's time. */
export function runMessage(parts: RunMessageParts): string {
  const { env, args, entry, entrypoint, preprocess, parameters, cwd, resultLimit, held } = parts;
  const code = JSON.stringify({ entry, entrypoint, preprocess, parameters, cwd });
  return `{"env":${env},"argsBytes":${Buffer.byteLength(args)},"resultLimit":${resultLimit},"held":${held},${code.slice(1)}\n${args}`;
}

/** Guest to worker, one line, followed by `bytes` bytes, of which the first `preprocessedBytes` are the preprocessor's. */
export interface GuestMessage {
  kind: "ready" | "success" | "failure" | "exited";
  bytes: number;
  preprocessedBytes?: number;
  /** Milliseconds since 1970 when user code began. */
  startedAt?: number;
  peakKb?: number;
  /** `success`: the result is the last line of the output (bash). */
  fromOutput?: boolean;
  /** `exited`: how the job's own process ended; 128 + signal for a killed one. */
  code?: number;
  /** The process cannot serve another job (unhandled error, processes left behind). */
  spent?: boolean;
}

/** A listener for chunks of a runner's answer pipe; `take` gets each whole message. Throws on what is no message. */
export function readFrames(take: (message: GuestMessage, payload: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = 0;
  let header: GuestMessage | undefined;
  return (chunk) => {
    parts.push(chunk);
    size += chunk.length;
    if (header !== undefined && size < wanted) return;
    let data = parts.length === 1 ? chunk : Buffer.concat(parts);
    for (;;) {
      if (header === undefined) {
        const end = data.indexOf(10);
        if (end < 0) {
          if (data.length > 65_536) throw new Error("The runner wrote what is not a message.");
          break;
        }
        header = parseHeader(data.toString("utf8", 0, end));
        wanted = header.bytes;
        data = data.subarray(end + 1);
      }
      if (data.length < wanted) break;
      const complete = header;
      header = undefined;
      const payload = data.subarray(0, wanted);
      data = data.subarray(wanted);
      take(complete, payload);
    }
    parts = data.length > 0 ? [data] : [];
    size = data.length;
  };
}

/** User code shares the guest's process and could write here: nothing is taken on trust. */
function parseHeader(line: string): GuestMessage {
  const value: unknown = JSON.parse(line);
  const message = value as Partial<GuestMessage> | null;
  const kinds = ["ready", "success", "failure", "exited"];
  if (
    typeof message !== "object" ||
    message === null ||
    !kinds.includes(message.kind ?? "") ||
    !Number.isSafeInteger(message.bytes) ||
    (message.bytes ?? -1) < 0
  ) {
    throw new Error("The runner wrote what is not a message.");
  }
  return message as GuestMessage;
}
