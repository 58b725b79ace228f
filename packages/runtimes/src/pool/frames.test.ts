import { expect, test } from "vitest";
import { readFrames } from "./frames.ts";

function frame(kind: string, payload: string): Buffer {
  return Buffer.from(`${JSON.stringify({ kind, bytes: Buffer.byteLength(payload) })}\n${payload}`);
}

test("messages come whole however the pipe cuts them", () => {
  const bytes = Buffer.concat([frame("ready", ""), frame("success", '"\u00e9\\n"'), frame("failure", "{}\n{}")]);
  for (let size = 1; size <= bytes.length; size += 1) {
    const seen: string[] = [];
    const read = readFrames((message, payload) => void seen.push(`${message.kind} ${payload.toString()}`));
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect(seen).toEqual(["ready ", 'success "\u00e9\\n"', "failure {}\n{}"]);
  }
});

test.each([
  "nonsense\n",
  "null\n",
  '{"kind":"other","bytes":0}\n',
  '{"kind":"success","bytes":-1}\n',
  '{"kind":"success","bytes":1e99}\n',
  "x".repeat(70_000),
])("what is no message is refused: %.30s", (text) => {
  const read = readFrames(() => undefined);
  expect(() => read(Buffer.from(text))).toThrow(/message|JSON/);
});
