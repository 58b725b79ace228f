import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, call, said, json, run, work, addScript, addToken } = world;

await addScript({ path: "u/alice/a", hash: "a1" });
await addScript({ path: "f/shared/b", hash: "b1" });
await addScript({ path: "u/bob/granted", hash: "g1", extraPerms: { "u/alice": false } });
await addScript({ path: "u/bob/secret", hash: "s1" });

afterEach(() => world.clear());

const echo = (job: { args: string | null }): { status: "success"; result: string } => ({
  status: "success",
  result: job.args ?? "null",
});
const jobRow = (id: string): Promise<Record<string, unknown>> =>
  db.one(sql`select j.*, q.scheduled_for from job j left join job_queue q using (id) where j.id = ${id}`);

describe("starting a script", () => {
  test("answers the job's id as text with 201 and keeps the arguments to the letter", async () => {
    const body = '{"big":12345678901234567890, "e":1.0,"s":"\\u0000\\ud800","nested":{"z":1,"a":[ ]}}';
    const response = await call("jobs/run/p/u/alice/a", { body });
    expect(response.status).toBe(201);
    expect(response.headers.get("content-type")).toContain("text/plain");
    const id = await response.text();
    expect(await jobRow(id)).toMatchObject({
      kind: "script",
      script_path: "u/alice/a",
      script_hash: "a1",
      language: "bun",
      tag: "bun",
      created_by: "alice",
      permissioned_as: "u/alice",
      args: '{"big":12345678901234567890,"e":1.0,"s":"\\u0000\\ud800","nested":{"z":1,"a":[ ]}}',
    });
  });

  test("what may not be read is as missing as what does not exist", async () => {
    expect(await said("jobs/run/p/u/bob/secret", { body: {} })).toEqual([404, "Script not found at name u/bob/secret"]);
    expect(await said("jobs/run/p/u/alice/none", { body: {} })).toEqual([404, "Script not found at name u/alice/none"]);
    expect(await said("jobs/run/h/s1", { body: {} })).toEqual([404, "Script not found at name s1"]);
    expect((await said("jobs/run/p/u/bob/granted", { body: {} }))[0]).toBe(201);
    expect((await said("jobs/run/p/f/shared/b", { as: "olga", body: {} }))[0]).toBe(201);
    expect((await said("jobs/run/p/u/alice/a", { as: "eve", body: {} }))[0]).toBe(403);
    expect((await said("jobs/run/p/u/alice/a", { as: "", body: {} }))[0]).toBe(401);
  });

  test("every kind of body becomes arguments", async () => {
    const argsOf = async (body: string, type: string, query = ""): Promise<unknown> => {
      const id = (
        await said(`jobs/run/p/u/alice/a${query}`, { body, headers: { "content-type": type, "x-trace-id": "t1" } })
      )[1];
      return JSON.parse(String((await jobRow(id))["args"]));
    };
    expect(await argsOf("", "application/json")).toEqual({});
    expect(await argsOf("[1,2]", "application/json")).toEqual({ body: [1, 2] });
    expect(await argsOf("a=1&b=x%20y", "application/x-www-form-urlencoded")).toEqual({ a: "1", b: "x y" });
    expect(await argsOf("hello\n", "text/plain")).toEqual({ raw_string: "hello\n" });
    expect(await argsOf("<a/>", "application/xml")).toEqual({ raw_string: "<a/>" });
    expect(await argsOf('{"a":1}', "application/cloudevents+json", "?wrap_body=true")).toEqual({ body: { a: 1 } });
    expect(await argsOf('{"a":1}', "application/json", "?raw=true")).toEqual({ a: 1, raw_string: '{"a":1}' });
    expect(await argsOf("{}", "application/json", "?include_header=X-Trace-Id,Missing&include_query=q&q=7")).toEqual({
      x_trace_id: "t1",
      missing: "",
      q: "7",
    });
  });

  test("bodies that cannot be arguments are refused with what is wrong", async () => {
    const refused = async (body: string, headers: Record<string, string> = {}): Promise<[number, string]> =>
      said("jobs/run/p/u/alice/a", { body, headers });
    expect(await refused("{oops")).toEqual([400, expect.stringContaining("not valid JSON")]);
    expect(await refused(`${"[".repeat(600)}${"]".repeat(600)}`)).toEqual([
      400,
      expect.stringContaining("deeper than 500"),
    ]);
    expect(await refused(`"${"x".repeat(1_100_000)}"`)).toEqual([
      413,
      expect.stringContaining("larger than the limit"),
    ]);
    expect(await refused("--x--", { "content-type": "multipart/form-data; boundary=x" })).toEqual([
      400,
      expect.stringContaining("multipart"),
    ]);
    expect(await refused("x", { "content-type": "application/octet-stream" })).toEqual([
      400,
      expect.stringContaining("application/octet-stream"),
    ]);
  });

  test("an id can be chosen once, relatives and times are kept, wrong ones are named", async () => {
    const id = "0190aaaa-0000-7000-8000-000000000001";
    const parent = "0190aaaa-0000-7000-8000-00000000000a";
    expect(
      await said(
        `jobs/run/p/u/alice/a?job_id=${id}&parent_job=${parent}&root_job=${parent}&scheduled_in_secs=60&invisible_to_owner=true`,
        { body: {} },
      ),
    ).toEqual([201, id]);
    const row = await jobRow(id);
    expect(row).toMatchObject({ parent_job: parent, root_job: null, visible_to_owner: false });
    expect((row["scheduled_for"] as Date).getTime()).toBeGreaterThan(Date.now() + 50_000);
    expect(await said(`jobs/run/p/u/alice/a?job_id=${id.toUpperCase()}`, { body: {} })).toEqual([
      400,
      expect.stringContaining("already exists"),
    ]);
    expect(await said("jobs/run/p/u/alice/a?job_id=nonsense", { body: {} })).toEqual([
      400,
      expect.stringContaining("query.job_id"),
    ]);
    expect(await said("jobs/run/p/u/alice/a?scheduled_for=soon", { body: {} })).toEqual([
      400,
      expect.stringContaining("query.scheduled_for"),
    ]);
    expect(await said("jobs/run/p/u/alice/a?scheduled_in_secs=-1", { body: {} })).toEqual([
      400,
      expect.stringContaining("query.scheduled_in_secs"),
    ]);
  });

  test("how a script is to run is fixed when it is started", async () => {
    await addScript({
      path: "u/alice/full",
      hash: "f1",
      options: {
        priority: 7,
        timeout: 30,
        concurrent_limit: 2,
        concurrency_key: "k-$workspace-$args[user.name]",
        concurrency_time_window_s: 10,
        cache_ttl: 60,
        envs: ["A=1"],
        labels: ["x"],
        delete_after_secs: 5,
        restart_unless_cancelled: true,
        visible_to_runner_only: true,
        has_preprocessor: true,
        on_behalf_of_email: "bob@example.com",
        on_behalf_of: "u/bob",
      },
    });
    const id = await run("u/alice/full", { user: { name: "ann" } }, { headers: { "x-a": "1" } });
    const row = await jobRow(id);
    expect(row).toMatchObject({
      created_by: "alice",
      permissioned_as: "u/bob",
      email: "bob@example.com",
      priority: 7,
      timeout_s: 30,
      cache_ttl: 60,
      concurrency_key: "k-w-ann",
      concurrent_limit: 2,
      concurrency_window_s: 10,
      labels: ["x"],
      visible_to_owner: false,
      options: {
        preprocess: true,
        deleteAfterSeconds: 5,
        perpetual: true,
        envs: ["A=1"],
        cacheKey: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    const { event } = JSON.parse(String(row["args"])) as { event: Record<string, unknown> };
    expect(event).toMatchObject({
      kind: "webhook",
      body: { user: { name: "ann" } },
      headers: { "x-a": "1" },
      raw_string: '{"user":{"name":"ann"}}',
    });
    expect(JSON.stringify(event)).not.toContain("Bearer");
    const plain = await run("u/alice/full?skip_preprocessor=true", { a: 1 });
    expect(await jobRow(plain)).toMatchObject({ args: '{"a":1}', options: { cacheKey: expect.any(String) } });
  });

  test("tags are chosen, filled in and checked", async () => {
    await db.execute(
      sql`insert into global_setting values ('custom_tags', '["gpu(w)", "elsewhere(other)", "dyn-$args[region]"]')`,
    );
    world.bus.publish("changed", ["tags:*"]);
    const tagOf = async (query: string, body: unknown = {}): Promise<unknown> =>
      (await jobRow(await run(`u/alice/a${query}`, body)))["tag"];
    expect(await tagOf("?tag=gpu")).toBe("gpu");
    expect(await tagOf("?tag=python3")).toBe("python3");
    expect(await tagOf("?tag=dyn-$args[region]", { region: "eu" })).toBe("dyn-eu");
    expect(await said("jobs/run/p/u/alice/a?tag=nope", { body: {} })).toEqual([
      400,
      'The tag "nope" is not available in workspace w',
    ]);
    expect((await said("jobs/run/p/u/alice/a?tag=elsewhere", { body: {} }))[0]).toBe(400);
    expect((await said("jobs/run/p/u/alice/a?tag=nope", { as: "admin", body: {} }))[0]).toBe(201);
  });

  test("a webhook's token starts only what its scopes name", async () => {
    await addToken("alice", "hook-path", ["jobs:run:scripts:u/alice/a"]);
    await addToken("alice", "hook-all", ["jobs:run:scripts"]);
    expect((await said("jobs/run/p/u/alice/a", { as: "hook-path", body: {} }))[0]).toBe(201);
    expect((await said("jobs/run/p/f/shared/b", { as: "hook-path", body: {} }))[0]).toBe(403);
    expect((await said("jobs/run/h/a1", { as: "hook-path", body: {} }))[0]).toBe(403);
    expect((await said("jobs/run/h/b1", { as: "hook-all", body: {} }))[0]).toBe(201);
    expect(
      (await said("jobs/run/preview", { as: "hook-all", body: { content: "1", language: "bun", args: {} } }))[0],
    ).toBe(403);
    expect((await said("jobs/run/p/u/alice/a?token=hook-path", { as: "", body: {} }))[0]).toBe(201);
  });

  test("while a deployment's lock is made the version before it runs; one that failed cannot run", async () => {
    await addScript({ path: "u/alice/v", hash: "v1" });
    await db.execute(sql`update script set archived = true where hash = 'v1'`);
    await addScript({ path: "u/alice/v", hash: "v2", lock: null });
    expect(await jobRow(await run("u/alice/v"))).toMatchObject({ script_hash: "v1" });
    await db.execute(sql`update script set lock = '' where hash = 'v2'`);
    world.bus.publish("changed", ["script:w:u/alice/v"]);
    expect(await jobRow(await run("u/alice/v"))).toMatchObject({ script_hash: "v2" });
    await addScript({ path: "u/alice/broken", hash: "x1", lock: null });
    await db.execute(sql`update script set lock_error_logs = 'no such package' where hash = 'x1'`);
    expect(await said("jobs/run/p/u/alice/broken", { body: {} })).toEqual([
      404,
      expect.stringContaining("could not be resolved"),
    ]);
  });
});

describe("waiting for the result", () => {
  test("success answers the result to the letter, by path, by hash, by GET", async () => {
    await work(echo);
    expect(await said("jobs/run_wait_result/p/u/alice/a", { body: '{"n":12345678901234567890}' })).toEqual([
      200,
      '{"n":12345678901234567890}',
    ]);
    expect(await said("jobs/run_wait_result/h/a1", { body: '{"n":1.0}' })).toEqual([200, '{"n":1.0}']);
    const payload = Buffer.from('{"x":[1]}').toString("base64url");
    expect(await said(`jobs/run_wait_result/p/u/alice/a?payload=${payload}`)).toEqual([200, '{"x":[1]}']);
    expect(await said("jobs/run_wait_result/p/u/alice/a?x=1&y=b&tag=bun")).toEqual([200, '{"x":"1","y":"b"}']);
    expect(await said("jobs/run_wait_result/p/u/alice/a?payload=%7B")).toEqual([400, "query.payload: is not base64"]);
    expect(await said("jobs/run_inline/p/u/alice/a", { body: '{"args":{"n":1.0}}' })).toEqual([200, '{"n":1.0}']);
  });

  test("a failure answers 422 with its error", async () => {
    await work(() => ({ status: "failure", result: '{"error":{"name":"E","message":"no"}}' }));
    const response = await call("jobs/run_wait_result/p/u/alice/a", { body: {} });
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      422,
      "application/json",
      '{"error":{"name":"E","message":"no"}}',
    ]);
  });

  test("a result may say how it is answered", async () => {
    const answers = async (result: unknown): Promise<Response> => {
      await work(() => ({ status: "success", result: JSON.stringify(result) }));
      return call("jobs/run_wait_result/p/u/alice/a", { body: {} });
    };
    const page = await answers({
      windmill_status_code: 418,
      windmill_content_type: "text/html",
      windmill_headers: { "x-a": "b", "set-cookie": "token=evil" },
      result: "<b>",
    });
    expect([page.status, page.headers.get("content-type"), page.headers.get("x-a"), await page.text()]).toEqual([
      418,
      "text/html",
      "b",
      "<b>",
    ]);
    expect(page.headers.get("set-cookie")).toBeNull();
    expect(page.headers.get("content-security-policy")).toContain("sandbox");
    const empty = await answers({ wm_status_code: 204 });
    expect([empty.status, await empty.text()]).toEqual([204, ""]);
    const withHeader = await answers({ windmill_headers: { a: "1" }, result: { big: 1 } });
    expect([withHeader.status, withHeader.headers.get("a"), await withHeader.text()]).toEqual([200, "1", '{"big":1}']);
    expect((await answers({ windmill_status_code: 99 })).status).toBe(422);
    expect((await answers({ windmill_headers: { "bad name": "x" }, result: 1 })).status).toBe(422);
  });

  test("a cached result is answered without running, as a completed job", async () => {
    await addScript({ path: "u/alice/cached", hash: "c1", options: { cache_ttl: 60 } });
    const id = await run("u/alice/cached", { b: 1, a: 2 });
    const key = String(((await jobRow(id))["options"] as Record<string, unknown>)["cacheKey"]);
    await db.execute(sql`insert into result_cache (key, workspace_id, result, expires_at)
      values (${Buffer.from(key, "hex")}, 'w', '{"from":"cache"}', now() + interval '1 hour')`);
    expect(await said("jobs/run_wait_result/p/u/alice/cached", { body: { a: 2, b: 1 } })).toEqual([
      200,
      '{"from":"cache"}',
    ]);
    const started = await run("u/alice/cached", { a: 2, b: 1 });
    expect(await json(`jobs_u/completed/get/${started}`)).toMatchObject({
      success: true,
      result: { from: "cache" },
      runner: "cached",
    });
  });

  test("a client that goes away cancels the job; one that waited long enough leaves it", async () => {
    const client = new AbortController();
    const claimed = new Promise<string>((resolve) => {
      void work((job) => {
        resolve(job.id);
        return null;
      });
    });
    const answer = said("jobs/run_wait_result/p/u/alice/a", { body: {}, signal: client.signal });
    const id = await claimed;
    client.abort();
    expect((await answer)[0]).toBe(504);
    world.services.waitLimitMs = 30;
    expect(await said("jobs/run_wait_result/p/u/alice/a", { body: {} })).toEqual([
      504,
      expect.stringMatching(/^timeout after 0.03s: job .* goes on$/),
    ]);
    world.services.waitLimitMs = 20_000;
    expect(await db.query(sql`select from job_queue where canceled_by is null`)).toHaveLength(1);
    expect(await db.one(sql`select canceled_reason, canceled_by from job_queue where id = ${id}`)).toEqual({
      canceled_reason: "http connection broke",
      canceled_by: "alice",
    });
  });

  test("a queue that is too long is not joined", async () => {
    await run("u/alice/a");
    await run("u/alice/a");
    expect(await said("jobs/run_wait_result/p/u/alice/a?queue_limit=1", { body: {} })).toEqual([
      429,
      "Number of queued job is too high: 2 > 1",
    ]);
  });

  test("a run can be streamed: what it streams, then its result", async () => {
    await work(async (job) => {
      await db.execute(sql`insert into job_live (id, stream) values (${job.id}, 'hel')`);
      return { status: "success", result: "7" };
    });
    const response = await call("jobs/run_and_stream/p/u/alice/a", { body: {} });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const events = (await response.text())
      .trim()
      .split("\n\n")
      .map((line) => JSON.parse(line.replace("data: ", "")) as Record<string, unknown>);
    expect(events.at(-1)).toMatchObject({ type: "update", completed: true, only_result: 7 });
  });
});

describe("running again", () => {
  test("each job gives a new id or an error line", async () => {
    await work(echo);
    const first = await run("u/alice/a", { n: 1 });
    await work(null);
    const none = "0190aaaa-0000-7000-8000-0000000000ff";
    const response = await call("jobs/run/batch_rerun_jobs", {
      body: {
        job_ids: [first, none],
        script_options_by_path: {
          "u/alice/a": { input_transforms: { m: { type: "static", value: 2 } }, use_latest_version: true },
        },
        flow_options_by_path: {},
      },
    });
    expect(response.status).toBe(201);
    const [again = "", error] = (await response.text()).trim().split("\n");
    expect(await jobRow(again)).toMatchObject({ args: '{"n":1,"m":2}', script_path: "u/alice/a" });
    expect(error).toBe(`Error: Job not found at name ${none}`);
  });
});
