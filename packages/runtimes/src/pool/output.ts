import { StringDecoder } from "node:string_decoder";
import type { RunIo } from "../runtime.ts";

const marker = "WM_STREAM: ";
const longestStreamLine = 1 << 20;

export interface OutputLimits {
  /** Bytes of one job's output that are passed on; the rest is read and thrown away. */
  logBytes: number;
  /** Characters of the end of the output that are kept for `lastLine` and `lastLines`. */
  keptChars: number;
}

/** What one job writes to stdout and stderr, on its way to the log and to the stream. */
export interface JobOutput {
  push(chunk: Buffer): void;
  /** Passes on what was held back; call once, when the job has answered. */
  end(): void;
  /** The last line that is not empty. */
  lastLine(): string;
  lastLines(count: number): string;
}

/** Decodes a job's output as it comes and splits `WM_STREAM: ` lines from the log. */
export function collectOutput(io: RunIo, limits: OutputLimits): JobOutput {
  const decoder = new StringDecoder("utf8");
  let bytes = 0;
  let isCut = false;
  let kept = "";
  const route = routeLines(io);
  const pass = (raw: string): void => {
    if (raw === "") return;
    const text = raw.includes("\0") ? raw.replaceAll("\0", "\uFFFD") : raw;
    kept = keepEnd(kept, text, limits.keptChars);
    route.push(text);
  };
  return {
    push(chunk) {
      const room = Math.max(0, limits.logBytes - bytes);
      bytes += chunk.length;
      if (chunk.length <= room) return pass(decoder.write(chunk));
      if (!isCut) {
        isCut = true;
        pass(decoder.write(chunk.subarray(0, room)));
        route.flush();
        io.log(`\n[the log is cut here: this job wrote more than ${Math.floor(limits.logBytes / 1024)} KiB]\n`);
      }
      keepOnly(chunk.subarray(room));
    },
    end() {
      pass(decoder.end());
      route.flush();
    },
    lastLine: () => lastLines(kept, 1),
    lastLines: (count) => lastLines(kept, count),
  };

  // The result of a shell script is its last line even when the log was cut long before.
  function keepOnly(chunk: Buffer): void {
    const tail = chunk.length > limits.keptChars ? chunk.subarray(chunk.length - limits.keptChars) : chunk;
    kept = keepEnd(kept, decoder.write(tail), limits.keptChars);
  }
}

function keepEnd(kept: string, added: string, length: number): string {
  const joined = kept + added;
  return joined.length > 2 * length ? joined.slice(-length) : joined;
}

function lastLines(text: string, count: number): string {
  const lines = text.trimEnd().split("\n");
  return lines.slice(-count).join("\n");
}

/** Sends whole `WM_STREAM: ` lines to the stream and everything else to the log, holding back as little as possible. */
function routeLines(io: RunIo): { push(text: string): void; flush(): void } {
  let held = "";
  let lineBegan = false;
  const emit = (text: string): void => {
    if (text === "") return;
    io.log(text);
    lineBegan = !text.endsWith("\n");
  };
  return {
    push(added) {
      const text = held + added;
      held = "";
      const tailAt = text.lastIndexOf("\n") + 1;
      const tail = text.slice(tailAt);
      const tailBeginsLine = tailAt > 0 || !lineBegan;
      if (tailBeginsLine && tail !== "" && couldStream(tail)) held = tail;
      const sure = held === "" ? text : text.slice(0, tailAt);
      if (!sure.includes(marker)) return emit(sure);
      let log = "";
      for (const line of sure.split(/(?<=\n)/)) {
        const begins = log === "" ? !lineBegan : true;
        if (begins && line.startsWith(marker) && line.endsWith("\n")) {
          emit(log);
          log = "";
          io.stream(unescape(line.slice(marker.length, -1)));
        } else log += line;
      }
      emit(log);
    },
    flush() {
      if (held.startsWith(marker)) io.stream(unescape(held.slice(marker.length)));
      else emit(held);
      held = "";
      lineBegan = false;
    },
  };
}

function couldStream(tail: string): boolean {
  return tail.length < marker.length
    ? marker.startsWith(tail)
    : tail.startsWith(marker) && tail.length < longestStreamLine;
}

function unescape(text: string): string {
  return text.replaceAll("\\n", "\n");
}
