import { expect, test } from "vitest";
import { collectOutput } from "./output.ts";

function collect(chunks: (string | Buffer)[], limits = { logBytes: 1000, keptChars: 100 }) {
  let log = "";
  let stream = "";
  const output = collectOutput({ log: (text) => (log += text), stream: (text) => (stream += text) }, limits);
  for (const chunk of chunks) output.push(Buffer.from(chunk as string));
  const early = log;
  output.end();
  return { log, stream, early, output };
}

test("a stream line is recognised wherever it is cut, and only at the start of a line", () => {
  const text = "a\nWM_STREAM: one\\ntwo\nb WM_STREAM: no\nWM_STREAM: three\nc";
  for (let cut = 0; cut <= text.length; cut += 1) {
    const { log, stream } = collect([text.slice(0, cut), text.slice(cut)]);
    expect([log, stream]).toEqual(["a\nb WM_STREAM: no\nc", "one\ntwothree"]);
  }
});

test("a stream line without its end counts when the job ends", () => {
  expect(collect(["WM_STREAM: half"])).toMatchObject({ log: "", stream: "half" });
});

test("text is passed on at once, also before its line ends", () => {
  expect(collect(["progress 10%"]).early).toBe("progress 10%");
  expect(collect(["W"])).toMatchObject({ early: "", log: "W" });
});

test("a log says that it is cut also where what was read ends at the limit, and one that just fits does not", () => {
  const fitting = ["x".repeat(500), "y".repeat(500)];
  expect(collect(fitting).log).toBe(fitting.join(""));
  const { log, output } = collect([...fitting, "z", "\nlast\n"]);
  expect(log).toMatch(/^x{500}y{500}\n\[the log is cut here: [^\n]*\]\n$/);
  expect(output.lastLine()).toBe("last");
});

test("a log above the limit is cut once, with a line that says so, and the last line is still known", () => {
  const { log, output } = collect(["x".repeat(990), "y".repeat(50), "z".repeat(50), "\nlast\n"]);
  expect(log.startsWith("x".repeat(990) + "y".repeat(10) + "\n[the log is cut here")).toBe(true);
  expect(log).not.toContain("z");
  expect(output.lastLine()).toBe("last");
});
