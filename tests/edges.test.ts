import { afterEach, describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { deployScript, runPreview, runScript } from "./support/script.ts";

const instance = await startInstance();
const megabyte = 1024 * 1024;

const echoPython = "def main(value):\n    return value\n";
const echoTypescript = "export async function main(value: any) { return value; }";

/** Posts a body as it is; answers status and text. */
async function post(path: string, body: string): Promise<{ status: number; text: string; type: string }> {
  const response = await instance.call("POST", path, { body });
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") ?? "" };
}

const create = (script: Record<string, unknown>) =>
  post(
    "/w/admins/scripts/create",
    JSON.stringify({
      summary: "",
      description: "",
      content: "echo 1",
      language: "bash",
      lock: "",
      path: "u/admin/any",
      ...script,
    }),
  );

/** The result of a run as text, so that no parser of this process can change it. */
const resultText = (content: string, args: string, language = "python3") =>
  post(
    "/w/admins/jobs/run_wait_result/preview",
    `{"language":"${language}","content":${JSON.stringify(content)},"args":${args}}`,
  );

afterEach(async () => {
  const next = await runPreview(instance, { language: "bash", content: "echo alive" });
  if (next !== "alive") throw new Error(`the next job answered ${JSON.stringify(next)}`);
});

describe("a body", () => {
  test("of 50 MB is refused with the limit", async () => {
    const { status, text, type } = await post("/w/admins/jobs/run/preview", `{"args":"${"x".repeat(50 * megabyte)}"}`);
    expect({ status, type }).toMatchObject({ status: 413, type: expect.stringContaining("text/plain") });
    expect(text).toMatch(/larger than the limit of 33554432 bytes/);
  });

  test.each([
    ["broken JSON", '{"language": "bash", "content": '],
    ["no JSON at all", "hello"],
    ["an empty body", ""],
    ["an array instead of an object", "[1, 2]"],
    ["invalid UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]).toString("latin1")],
  ])("with %s is a bad request in plain text", async (_name, body) => {
    const { status, text, type } = await post("/w/admins/jobs/run/preview", body);
    expect({ status, type }).toMatchObject({ status: 400, type: expect.stringContaining("text/plain") });
    expect(text).toMatch(/body|JSON|language|content/i);
  });

  test("with a value of the wrong type names the field", async () => {
    expect(await post("/w/admins/jobs/run/preview", '{"language":"bash","content":5,"args":{}}')).toMatchObject({
      status: 400,
      text: expect.stringContaining("content"),
    });
    expect(await create({ summary: 7 })).toMatchObject({ status: 400, text: expect.stringContaining("summary") });
    expect(await create({ timeout: "soon" })).toMatchObject({ status: 400, text: expect.stringContaining("timeout") });
  });
});

describe("arguments and results", () => {
  test.each([
    ["python3", echoPython],
    ["bun", echoTypescript],
  ])("nested 400 deep come back from %s", async (language, content) => {
    const deep = `${"[".repeat(400)}1${"]".repeat(400)}`;
    expect(await resultText(content, `{"value":${deep}}`, language)).toMatchObject({ status: 200, text: deep });
  });

  test("nested 100,000 deep end in an answer or a clear error", { timeout: 60_000 }, async () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const { status, text } = await resultText(echoPython, `{"value":${deep}}`);
    expect([200, 400, 422]).toContain(status);
    if (status !== 200) expect(text).toMatch(/nest|deep|recursion/i);
  });

  test.each([
    ["python3", echoPython],
    ["bun", echoTypescript],
  ])("with NUL, lone surrogates and emoji come back from %s", async (language, content) => {
    const value = { "a\u0000b": "x\u0000y", lone: "\ud800", emoji: "🗼", empty: "" };
    const { status, text } = await resultText(content, JSON.stringify({ value }), language);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual(value);
  });

  test("keep integers beyond 2^53 and the order of keys", async () => {
    const value = '{"z":12345678901234567890,"a":-9007199254740993,"m":{"10":1,"9":2}}';
    const { status, text } = await resultText(echoPython, `{"value":${value}}`);
    expect(status).toBe(200);
    expect(text.replaceAll(" ", "")).toBe(value);
    const id = await instance.text("POST", "/w/admins/jobs/run/preview", {
      body: `{"language":"python3","content":${JSON.stringify(echoPython)},"args":{"value":${value}}}`,
    });
    await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}?running=false`);
    for (const path of [`completed/get_result/${id}`, `get/${id}`, `completed/get/${id}`, `get_args/${id}`]) {
      const shown = await instance.text("GET", `/w/admins/jobs_u/${path}`);
      expect({ path, shown }).toEqual({ path, shown: expect.stringContaining("12345678901234567890") });
    }
  });

  test("of 20 MB come back whole", { timeout: 60_000 }, async () => {
    const content = `def main(n: int):\n    return "x" * n\n`;
    const { status, text } = await resultText(content, `{"n":${20 * megabyte}}`);
    expect(status).toBe(200);
    expect(text).toHaveLength(20 * megabyte + 2);
  });

  test("that cannot be JSON end in a clear error", async () => {
    const cyclic = "export async function main() { const a: any = {}; a.a = a; return a; }";
    const { status, text } = await resultText(cyclic, "{}", "bun");
    expect(status).toBe(422);
    expect(text).toMatch(/cannot be written as JSON/);
    const nan = await resultText("def main():\n    return float('nan')\n", "{}");
    expect(() => JSON.parse(nan.text)).not.toThrow();
  });
});

describe("output", () => {
  test("that is no UTF-8 is kept as far as it can be", async () => {
    const id = await instance.text("POST", "/w/admins/jobs/run/preview", {
      body: { language: "bash", content: `printf 'before \\xff\\xfe \\x00 after\\n'\necho end`, args: {} },
    });
    await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}?running=false`);
    const logs = await instance.text("GET", `/w/admins/jobs_u/get_logs/${id}`);
    expect(logs).toMatch(/before .* after\nend/);
    expect(await instance.json("GET", `/w/admins/jobs_u/completed/get_result/${id}`)).toBe("end");
  });

  test("of 100 MB is cut, with a note, and the job ends", { timeout: 120_000 }, async () => {
    const content = `yes "$(printf 'x%.0s' $(seq 99))" | head -c 104857600\necho\necho "the end"`;
    const id = await instance.text("POST", "/w/admins/jobs/run/preview", {
      body: { language: "bash", content, args: {} },
    });
    for (let ended = false; !ended;) {
      ended = (await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}?running=true&no_logs=true`)).includes(
        '"completed":true',
      );
    }
    const logs = await instance.text("GET", `/w/admins/jobs_u/get_logs/${id}`);
    expect(logs.length).toBeGreaterThan(20 * megabyte);
    expect(logs.length).toBeLessThan(20 * megabyte + 1_000);
    expect(
      new Set(
        logs
          .slice(0, 20 * megabyte - 100)
          .split("\n")
          .slice(0, -1),
      ),
    ).toEqual(new Set(["x".repeat(99)]));
    expect(logs.slice(-2_000)).toMatch(/the log is cut here/);
    expect(await instance.json("GET", `/w/admins/jobs_u/completed/get_result/${id}`)).toBe("the end");
  });
});

describe("a script", () => {
  test("outside u/, f/ and g/ is refused, and so are other paths that lead nowhere", async () => {
    for (const path of [
      "x/admin/any",
      "u/admin",
      "u//any",
      "u/admin/../../etc",
      "/u/admin/any",
      "u/admin/a b",
      "u/admin/a\u0000b",
      "",
    ]) {
      const { status, text } = await create({ path });
      expect({ path, status, text }).toEqual({ path, status: 400, text: expect.stringMatching(/path/) });
    }
  });

  test("in an unknown language is refused by name", async () => {
    expect(await create({ language: "cobol" })).toMatchObject({ status: 400, text: expect.stringMatching(/language/) });
    const preview = await post("/w/admins/jobs/run/preview", '{"language":"cobol","content":"","args":{}}');
    expect(preview).toMatchObject({ status: 400, text: expect.stringMatching(/language/) });
  });

  test("is not written over a version that somebody else has written meanwhile", async () => {
    const first = await create({ path: "u/admin/conflict" });
    expect(first.status).toBe(201);
    expect((await create({ path: "u/admin/conflict", content: "echo 2", parent_hash: first.text })).status).toBe(201);
    const late = await create({ path: "u/admin/conflict", content: "echo 3", parent_hash: first.text });
    expect([400, 409]).toContain(late.status);
    expect(late.text).toMatch(/parent_hash/);
    const unaware = await create({ path: "u/admin/conflict", content: "echo 4" });
    expect([400, 409]).toContain(unaware.status);
    expect(await create({ path: "u/admin/other", parent_hash: "0123456789abcdef" })).toMatchObject({
      status: expect.toSatisfy((code: number) => code === 400 || code === 404),
    });
  });

  test("that is missing is named", async () => {
    for (const path of ["run/p/u/admin/missing", "run_wait_result/p/u/admin/missing"]) {
      expect(await post(`/w/admins/jobs/${path}`, "{}")).toMatchObject({
        status: 404,
        text: expect.stringContaining("u/admin/missing"),
      });
    }
    expect((await post("/w/admins/jobs/run/h/0123456789abcdef", "{}")).status).toBe(404);
    expect((await post("/w/nowhere/jobs/run/p/u/admin/missing", "{}")).status).toBeGreaterThanOrEqual(403);
  });

  test("that fails ends in 422 and says what it raised", async () => {
    await deployScript(instance, {
      path: "u/admin/raises",
      language: "python3",
      content: "def main():\n    raise KeyError('gone')\n",
    });
    await expect(runScript(instance, { path: "u/admin/raises" })).rejects.toThrow(/422 .*KeyError.*gone/);
  });
});

test("a job for a tag that no worker listens to waits, says why, and can be cancelled", async () => {
  await create({ path: "u/admin/tagged" });
  const id = await instance.text("POST", "/w/admins/jobs/run/p/u/admin/tagged?tag=nobody", { body: {} });
  const job = await instance.json<Record<string, unknown>>("GET", `/w/admins/jobs_u/get/${id}`);
  expect(job).toMatchObject({ type: "QueuedJob", running: false, tag: "nobody" });
  expect(JSON.stringify(job)).toMatch(/no worker/i);
  await instance.text("POST", `/w/admins/jobs_u/queue/cancel/${id}`, { body: { reason: "nobody comes" } });
  expect(await instance.json("GET", `/w/admins/jobs_u/completed/get/${id}`)).toMatchObject({
    canceled: true,
    success: false,
  });
});

test("what this version does not do yet answers 501 with its name, and what nobody knows 404, never HTML", async () => {
  const [later, unknown] = await Promise.all([
    instance.call("GET", "/w/admins/flow_conversations/list"),
    instance.call("GET", "/w/admins/no/such/thing"),
  ]);
  expect(unknown.status).toBe(404);
  for (const answer of [later, unknown]) expect(answer.headers.get("content-type")).toContain("text/plain");
  expect([200, 501]).toContain(later.status);
});
