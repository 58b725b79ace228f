import { StringDecoder } from "node:string_decoder";

/** A listener for chunks of a stream that calls `take` for each whole line, without its newline. */
export function splitLines(take: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  return (chunk) => {
    const lines = (pending + decoder.write(chunk)).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) take(line);
  };
}
