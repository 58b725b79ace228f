import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, call, said, json, work, addScript } = world;

await addScript({ path: "u/alice/a", hash: "a1" });

afterEach(() => world.clear());

const code = { content: "export function main() {}", language: "bun", args: {} };
const jobRow = (id: string): Promise<Record<string, unknown>> => db.one(sql`select * from job where id = ${id}`);

describe("previews", () => {
  test("run the code that was sent with its arguments to the letter", async () => {
    const body =
      '{"content":"x","language":"python3","path":"u/alice/p","args":{"n":12345678901234567890},"lock":"l","temp_script_refs":{"u/a/b":"h"}}';
    const [status, id] = await said("jobs/run/preview?timeout=5&include_header=x-k", { body, headers: { "x-k": "v" } });
    expect(status).toBe(201);
    expect(await jobRow(id)).toMatchObject({
      kind: "preview",
      raw_code: "x",
      raw_lock: "l",
      language: "python3",
      tag: "python3",
      script_path: "u/alice/p",
      timeout_s: 5,
      args: '{"n":12345678901234567890,"x_k":"v"}',
      options: { temporaryScripts: { "u/a/b": "h" } },
    });
  });

  test("wait for the result, also by the name the SDK uses on localhost", async () => {
    await work((job) => ({ status: "success", result: job.args ?? "null" }));
    for (const path of ["jobs/run_wait_result/preview", "jobs/run_inline/preview"]) {
      expect(await said(path, { body: '{"content":"x","language":"bun","args":{"n":1.0}}' })).toEqual([
        200,
        '{"n":1.0}',
      ]);
    }
    expect(await said("jobs/run_wait_result/preview", { body: { kind: "identity", args: { a: 1 } } })).toEqual([
      200,
      '{"a":1}',
    ]);
  });

  test("are refused to operators and, by field, when something is wrong", async () => {
    expect((await said("jobs/run/preview", { as: "olga", body: code }))[0]).toBe(403);
    const refused = async (change: Record<string, unknown>): Promise<string> => {
      const [status, text] = await said("jobs/run/preview", { body: { ...code, ...change } });
      expect(status).toBe(400);
      return text;
    };
    expect(await refused({ language: "cobol" })).toContain("body.language");
    expect(await refused({ language: null })).toContain("body.language");
    expect(await refused({ content: 7 })).toContain("body.content");
    expect(await refused({ content: undefined })).toContain("body.content");
    expect(await refused({ args: [1] })).toContain("body.args");
    expect(await refused({ kind: "http" })).toContain("body.kind");
    expect(await refused({ tag: "nope" })).toContain("nope");
    expect(await refused({ args: { _ENTRYPOINT_OVERRIDE: "a();b" } })).toContain("_ENTRYPOINT_OVERRIDE");
  });

  test("a bundle arrives as multipart", async () => {
    const form = new FormData();
    form.set(
      "preview",
      JSON.stringify({ path: "u/alice/x", args: { a: 1 }, language: "bun", kind: "bundle", format: "esm" }),
    );
    form.set("file", new Blob(["export function main() { return 1 }"]));
    const sent = new Request("http://x", { method: "POST", body: form });
    const body = await sent.text();
    const [status, id] = await said("jobs/run/preview_bundle", {
      body,
      headers: { "content-type": sent.headers.get("content-type") ?? "" },
    });
    expect(status).toBe(201);
    expect(await jobRow(id)).toMatchObject({
      raw_code: "export function main() { return 1 }",
      args: '{"a":1}',
      script_path: "u/alice/x",
    });
    const bad = new FormData();
    bad.set("preview", JSON.stringify({ args: {}, language: "bun", tag: 7, kind: "bundle" }));
    bad.set("file", "1");
    const wrong = new Request("http://x", { method: "POST", body: bad });
    const answer = await said("jobs/run/preview_bundle", {
      body: await wrong.text(),
      headers: { "content-type": wrong.headers.get("content-type") ?? "" },
    });
    expect(answer).toEqual([400, expect.stringContaining("body.tag")]);
    expect((await said("jobs/run/preview_bundle", { body: {} }))[0]).toBe(400);
  });

  test("the choices of a form come from another function, deployed or sent along", async () => {
    const choose = (runnable_ref: unknown, as = "alice"): Promise<[number, string]> =>
      said("jobs/run/dynamic_select", { as, body: { entrypoint_function: "colors", args: { q: "r" }, runnable_ref } });
    const [, deployed] = await choose({ source: "deployed", path: "u/alice/a", runnable_kind: "script" });
    expect(await jobRow(deployed)).toMatchObject({ kind: "script", script_hash: "a1", entrypoint: "colors" });
    const inline = { source: "inline", code: "export function colors() {}", language: "bun" };
    expect(await jobRow((await choose(inline))[1])).toMatchObject({ kind: "preview", entrypoint: "colors" });
    expect((await choose(inline, "olga"))[0]).toBe(403);
    expect((await choose({ source: "deployed", path: "u/bob/none", runnable_kind: "script" }))[0]).toBe(404);
    expect(await choose({ source: "elsewhere" })).toEqual([400, expect.stringContaining("body.runnable_ref")]);
  });

  test("a job's token starts jobs as the job's member", async () => {
    const token = await new Promise<string>((resolve) => {
      void work((job) => {
        resolve(world.tokenOf(job));
        return null;
      }).then(() => world.run("u/alice/a"));
    });
    await work(null);
    const id = await world.run("u/alice/a", {}, { as: token });
    expect(await jobRow(id)).toMatchObject({ created_by: "alice", trigger_kind: null });
    expect((await call("jobs/run/preview", { as: token, body: code })).status).toBe(201);
  });
});

describe("locks", () => {
  test("are made by a dependency job, with the cookie alone as the official CLI sends it", async () => {
    const body = {
      raw_scripts: [{ raw_code: "import x from 'x'", language: "bun", script_path: "u/alice/x" }],
      entrypoint: "u/alice/x",
      raw_workspace_dependencies: { "package.json": "{}" },
      temp_script_refs: null,
    };
    const response = await call("jobs/run/dependencies_async", { as: "", body, headers: { cookie: "token=alice" } });
    expect(response.status).toBe(201);
    expect(await jobRow(await response.text())).toMatchObject({
      kind: "dependencies",
      tag: "dependency",
      raw_code: "import x from 'x'",
      script_path: "u/alice/x",
      options: { dependencyFiles: { "package.json": "{}" } },
    });
    await work(() => ({ status: "success", result: '{"lock":""}' }));
    expect(await json("jobs/run/dependencies", { body })).toEqual({ lock: "" });
    expect(await said("jobs/run/dependencies", { body: { ...body, raw_scripts: [] } })).toEqual([
      400,
      expect.stringContaining("body.raw_scripts"),
    ]);
  });
});
