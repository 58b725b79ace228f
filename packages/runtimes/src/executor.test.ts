import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunOutcome } from "./runtime.ts";
import { startTrial, type Trial } from "./trial.ts";

let trial: Trial;
beforeAll(async () => {
  trial = await startTrial();
});
afterAll(async () => {
  await trial.stop();
});

function result(outcome: RunOutcome): unknown {
  if (outcome.status !== "success") throw new Error(JSON.stringify(outcome));
  return JSON.parse(outcome.result);
}

function error(outcome: RunOutcome): Record<string, unknown> & { reason: string } {
  if (outcome.status !== "failure") throw new Error(JSON.stringify(outcome));
  return { ...outcome.error, reason: outcome.reason };
}

describe.each(["bun", "node", "deno"])("TypeScript on %s", (engine) => {
  const mark = engine === "node" ? "//nodejs\n" : "";
  const language = engine === "deno" ? "deno" : "bun";
  const run = (content: string, more = {}): ReturnType<Trial["run"]> => trial.run(language, mark + content, more);

  test("arguments come in order, absent ones are undefined, dates are dates", async () => {
    const code = "export function main(a, b = 5, c /* Date */) { return [a, b, c instanceof Date]; }";
    const { outcome } = await run(code, { args: { c: "2020-01-01", a: 1 } });
    expect(result(outcome)).toEqual([1, 5, true]);
  });

  test("undefined becomes null, a BigInt its digits, a lone surrogate an escape", async () => {
    expect(result((await run("export async function main() {}")).outcome)).toBe(null);
    const { outcome } = await run(
      "export function main() { return { n: 12345678901234567890n, s: '\\ud800\\u0000' }; }",
    );
    expect(outcome.status === "success" && outcome.result).toBe('{"n":"12345678901234567890","s":"\\ud800\\u0000"}');
  });

  test("an error keeps its name, message, stack and own properties", async () => {
    const code = "export function main() { throw Object.assign(new TypeError('no'), { code: 7 }); }";
    const told = error((await run(code)).outcome);
    expect(told).toMatchObject({ reason: "error", name: "TypeError", message: "no", extra: { code: 7 } });
    expect(told["stack"]).toContain("script.mjs");
    expect(told["stack"]).not.toContain("javascript.mjs");
  });

  test("what cannot be written as JSON is a clear error", async () => {
    const told = error((await run("export function main() { const a = {}; a.a = a; return a; }")).outcome);
    expect(told["message"]).toContain("main returned a value that cannot be written as JSON");
  });

  test("an async iterable is streamed and so are WM_STREAM lines, which stay out of the log", async () => {
    const code = "export async function* main() { console.log('seen'); yield 'a\\nb'; yield { c: 1 }; }";
    const { outcome, streamed, log } = await run(code);
    expect([result(outcome), streamed, log]).toEqual([null, 'a\nb{"c":1}', "seen\n"]);
  });

  test("leaving without a result is a failure that tells the exit code and the last lines", async () => {
    const told = error(
      (await run("import process from 'node:process'; export function main() { console.log('bye'); process.exit(3); }"))
        .outcome,
    );
    expect(told).toMatchObject({ reason: "exit", name: "ExecutionErr", message: "ExitCode: 3, last log lines:\nbye" });
  });

  test("an unhandled rejection fails the job and the process is not used again", async () => {
    const code =
      "export async function main(a) { if (a) return 1; Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 5000)); }";
    expect(error((await run(code)).outcome)).toMatchObject({ reason: "error", message: "lost" });
    expect((await run(code, { args: { a: 1 } })).outcome.runner).not.toBe("reused");
  });

  test("what keeps running does not hold the answer", async () => {
    const { outcome, took } = await run("export function main() { setInterval(() => {}, 1000); return 1; }");
    expect(result(outcome)).toBe(1);
    expect(took).toBeLessThan(5000);
  });

  test("a preprocessor makes the arguments of main", async () => {
    const code =
      "export function preprocessor(event) { return { a: event.x * 2 }; }\nexport function main(a) { return a + 1; }";
    const prepared = { parameters: [{ name: "a", kind: "plain", hasDefault: false }] };
    const { outcome } = await run(code, { preprocess: true, args: { event: { x: 4 } }, prepared });
    expect(outcome).toMatchObject({ status: "success", result: "9", preprocessedArgs: '{"a":8}' });
  });

  test("another entry point can be asked for and a missing one is named", async () => {
    const code = "export function main() {}\nexport function other() { return 2; }";
    expect(result((await run(code, { entrypoint: "other" })).outcome)).toBe(2);
    expect(error((await run(code, { entrypoint: "nope" })).outcome)["message"]).toContain('"nope"');
  });

  test("arguments and results of 20 MB pass and a larger one than allowed is refused", async () => {
    const text = "x".repeat(20_000_000);
    const { outcome } = await run("export function main(a) { return a; }", { args: { a: text } });
    expect(outcome.status === "success" && outcome.result.length).toBe(text.length + 2);
    const told = error((await run("export function main() { return 'y'.repeat(110_000_000); }")).outcome);
    expect(told["message"]).toContain("the limit is 100.0 MiB");
  });
});

describe("Python", () => {
  test("absent arguments use defaults, null for a default is left out, kinds are converted", async () => {
    const code = [
      "import datetime",
      "def main(a: int, b: bytes, d: datetime.datetime, e: str = 'e', f: str = 'f'):",
      "    return [a, b.decode(), d.year, e, f]",
    ].join("\n");
    const prepared = {
      parameters: [
        { name: "a", kind: "plain" as const, hasDefault: false },
        { name: "b", kind: "bytes" as const, hasDefault: false },
        { name: "d", kind: "datetime" as const, hasDefault: false },
        { name: "e", kind: "plain" as const, hasDefault: true },
        { name: "f", kind: "plain" as const, hasDefault: true },
      ],
    };
    const { outcome } = await trial.run("python3", code, {
      args: { a: 1, b: "aGk=", d: "2020-05-01T00:00:00Z", e: null },
      prepared,
    });
    expect(result(outcome)).toEqual([1, "hi", 2020, "e", "f"]);
  });

  test("results: bytes become base64, NaN null, other objects their text, big integers stay whole", async () => {
    const code =
      "import datetime\ndef main():\n    return {'b': b'hi', 'n': float('nan'), 'd': datetime.date(2020, 1, 2), 'i': 2**70}";
    const { outcome } = await trial.run("python3", code);
    expect(outcome.status === "success" && outcome.result).toBe(
      '{"b": "aGk=", "n": null, "d": "2020-01-02", "i": 1180591620717411303424}',
    );
  });

  test("an error tells name, message, a stack without our frames, and extra", async () => {
    const code = "class Odd(Exception):\n    pass\ndef main():\n    e = Odd('no')\n    e.code = 7\n    raise e";
    const told = error((await trial.run("python3", code)).outcome);
    expect(told).toMatchObject({ reason: "error", name: "Odd", message: "no", extra: { code: 7 } });
    expect(told["stack"]).toContain("script.py");
    expect(told["stack"]).not.toContain("zygote");
  });

  test("async mains, generators, sys.exit and syntax errors", async () => {
    const slow = "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 1";
    expect(result((await trial.run("python3", slow)).outcome)).toBe(1);
    const stream = await trial.run("python3", "def main():\n    yield 'a'\n    yield 'b\\nc'");
    expect([result(stream.outcome), stream.streamed]).toEqual([null, "ab\nc"]);
    expect(
      error((await trial.run("python3", "import sys\ndef main():\n    sys.exit(4)")).outcome)["message"],
    ).toContain("ExitCode: 4");
    expect(error((await trial.run("python3", "def main(:\n    pass")).outcome)["name"]).toBe("SyntaxError");
  });

  test("a script may be named like, and import, what the guest uses itself", async () => {
    const code = "import results\ndef main():\n    return 1";
    expect(error((await trial.run("python3", code)).outcome)["name"]).toBe("ModuleNotFoundError");
  });

  test("globals do not outlive a job: each has a process of its own", async () => {
    const code = "count = 0\ndef main():\n    global count\n    count += 1\n    return count";
    expect(result((await trial.run("python3", code)).outcome)).toBe(1);
    const again = await trial.run("python3", code);
    expect([result(again.outcome), again.outcome.runner]).toEqual([1, "reused"]);
  });
});

describe("bash", () => {
  test("the result is result.json, else result.out, else the last line", async () => {
    const both = "echo '{\"a\": 1.50}' > result.json; echo out > result.out; echo line";
    const { outcome, log } = await trial.run("bash", both);
    expect([outcome.status === "success" && outcome.result, log]).toEqual(['{"a": 1.50}', "line\n"]);
    expect(result((await trial.run("bash", "echo out > result.out; echo line")).outcome)).toBe("out");
    expect(result((await trial.run("bash", 'echo first; echo "got $1"', { args: { x: { y: 1 } } })).outcome)).toBe(
      'got {"y":1}',
    );
    expect(error((await trial.run("bash", "echo '{oops' > result.json")).outcome)["message"]).toContain("result.json");
  });

  test("a failing script tells its exit code and its last lines", async () => {
    const { outcome, log } = await trial.run("bash", "echo one; echo two > /dev/stderr; exit 5");
    expect(error(outcome)).toMatchObject({ name: "ExecutionErr", message: "ExitCode: 5, last log lines:\none\ntwo" });
    expect(log).toBe("one\ntwo\n");
  });
});

test("a language that is not there is refused with what to do", async () => {
  expect(error((await trial.run("rust", "")).outcome)).toMatchObject({ reason: "setup", name: "MissingLanguage" });
});
