import { newJobId } from "@towermill/queue";
import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { listStatement } from "../jobs/list.ts";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, call, said, json, run, work, addScript, addToken } = world;

await addScript({ path: "u/alice/a", hash: "a1" });
await addScript({ path: "f/shared/b", hash: "b1" });
await addScript({ path: "u/bob/granted", hash: "g1", extraPerms: { "u/alice": false } });

afterEach(() => world.clear());

type Job = Record<string, unknown>;
const succeed = (result: string) => () => ({ status: "success" as const, result });
const missing = newJobId();

describe("one job", () => {
  test("shows itself waiting, with why it waits, and ended, with its result to the letter", async () => {
    const id = await run("u/alice/a", '{"n":12345678901234567890}');
    const waiting = await json<Job>(`jobs_u/get/${id}`);
    expect(waiting).toMatchObject({
      type: "QueuedJob",
      id,
      running: false,
      script_path: "u/alice/a",
      job_kind: "script",
      canceled: false,
    });
    expect(waiting).toMatchObject({
      waiting_reason: "No worker serves the tag bun",
      logs: "",
      is_flow_step: false,
      visible_to_owner: true,
    });
    for (const absent of ["result", "success", "started_at", "parent_job", "canceled_by", "labels"])
      expect(waiting).not.toHaveProperty(absent);
    expect((await said(`jobs_u/completed/get/${id}`))[0]).toBe(404);
    expect((await said(`jobs_u/completed/get_result/${id}`))[0]).toBe(404);
    expect(await json(`jobs_u/completed/get_result_maybe/${id}?get_started=true`)).toEqual({
      completed: false,
      success: null,
      started: false,
      result: null,
    });
    await work(async (job) => {
      await world.log(job.id, 0, "hello é😀\n");
      return {
        status: "success",
        result: '{"z":12345678901234567890,"a":{"b":[10,20]}}',
        runner: "reused",
        startMs: 1.5,
        memPeakKb: 100,
        labels: ["l"],
      };
    });
    const [, text] = await said(`jobs_u/get/${id}`);
    expect(text).toContain('"args":{"n":12345678901234567890}');
    expect(text).toContain('"result":{"z":12345678901234567890,"a":{"b":[10,20]}}');
    expect(JSON.parse(text)).toMatchObject({
      type: "CompletedJob",
      success: true,
      status: "success",
      is_skipped: false,
      logs: "hello é😀\n",
      runner: "reused",
      start_ms: 1.5,
      mem_peak: 100,
      labels: ["l"],
    });
    expect(await json(`jobs_u/completed/get/${id}`)).toMatchObject({
      id,
      success: true,
      duration_ms: expect.any(Number),
      started_at: expect.any(String),
    });
    expect(await said(`jobs_u/completed/get_result/${id}?path=a.b.1`)).toEqual([200, "20"]);
    expect(await said(`jobs_u/completed/get_result/${id}?path=z`)).toEqual([200, "12345678901234567890"]);
    expect(await said(`jobs_u/completed/get_result_maybe/${id}`)).toEqual([
      200,
      expect.stringContaining('"result":{"z":12345678901234567890'),
    ]);
    expect(await json(`jobs_u/completed/get_timing/${id}`)).toMatchObject({
      created_at: expect.any(String),
      duration_ms: expect.any(Number),
    });
    expect(await said(`jobs_u/get_args/${id}`)).toEqual([200, '{"n":12345678901234567890}']);
    expect(await said(`jobs_u/get_logs/${id}`)).toEqual([200, "hello é😀\n"]);
    expect(await said(`jobs_u/get_completed_logs_tail/${id}`)).toEqual([200, "hello é😀\n"]);
    expect(await said(`jobs_u/get_root_job_id/${id}`)).toEqual([200, `"${id}"`]);
    expect(await json<Job>(`jobs_u/get/${id}?no_logs=true`)).not.toHaveProperty("logs");
    expect((await said(`jobs/result_by_id/${id}/a`))[0]).toBe(404);
    expect((await said("jobs_u/get_log_file/x/y.txt"))[0]).toBe(404);
  });

  test("a null result is there, and a failure is told apart", async () => {
    const id = await run("u/alice/a");
    await work(succeed("null"));
    expect(await json(`jobs_u/completed/get_result_maybe/${id}`)).toEqual({
      completed: true,
      success: true,
      started: true,
      result: null,
    });
    await work(() => ({ status: "failure", result: '{"error":{"message":"m"}}' }));
    const failed = await run("u/alice/a");
    await work(null);
    expect(await json(`jobs_u/completed/get_result_maybe/${failed}`)).toMatchObject({
      completed: true,
      success: false,
      result: { error: { message: "m" } },
    });
  });

  test("bad, unknown and foreign ids answer alike everywhere", async () => {
    const id = await run("u/alice/a");
    for (const path of [
      "jobs_u/get",
      "jobs_u/get_logs",
      "jobs_u/get_args",
      "jobs_u/getupdate",
      "jobs_u/getupdate_sse",
      "jobs_u/completed/get_result_maybe",
      "jobs_u/completed/get_timing",
      "jobs/queue/scheduled_for",
      "job_metrics/get_progress",
    ]) {
      expect(await said(`${path}/nonsense`)).toEqual([400, expect.stringContaining("path.id")]);
      expect(await said(`${path}/${missing}`)).toEqual([404, `Job not found at name ${missing}`]);
      expect(await said(`${path}/${id}`, { as: "bob" })).toEqual([404, `Job not found at name ${id}`]);
      expect((await said(`${path}/${id}`, { as: "eve" }))[0]).toBe(403);
      expect((await said(`${path}/${id}`, { as: "" }))[0]).toBe(401);
    }
    expect((await said(`/w/other/jobs_u/get/${id}`, { as: "eve" }))[0]).toBe(404);
    await addToken("alice", "only-scripts", ["scripts:read"]);
    expect((await said(`jobs_u/get/${id}`, { as: "only-scripts" }))[0]).toBe(403);
  });

  test("is seen by who started it, who may read its path unless hidden, and admins", async () => {
    const shared = await run("f/shared/b");
    const hidden = await run("f/shared/b?invisible_to_owner=true");
    const granted = await run("u/bob/granted", {}, { as: "bob" });
    const seen = async (as: string, id: string): Promise<boolean> => (await call(`jobs_u/get/${id}`, { as })).ok;
    expect([
      await seen("alice", shared),
      await seen("bob", shared),
      await seen("olga", shared),
      await seen("admin", shared),
    ]).toEqual([true, true, true, true]);
    expect([await seen("alice", hidden), await seen("bob", hidden), await seen("admin", hidden)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([await seen("alice", granted), await seen("olga", granted)]).toEqual([true, false]);
    const listed = async (as: string): Promise<string[]> =>
      (await json<Job[]>("jobs/list", { as })).map((job) => String(job["id"])).sort();
    expect(await listed("alice")).toEqual([shared, hidden, granted].sort());
    expect(await listed("bob")).toEqual([shared, granted].sort());
    expect(await listed("olga")).toEqual([shared]);
    expect(await listed("admin")).toEqual([shared, hidden, granted].sort());
  });

  test("is seen by a narrowed token only within its tags, and changed only by one that may write", async () => {
    const id = await run("u/alice/a");
    await addToken("alice", "gpu-only", ["jobs:read", "if_jobs:filter_tags:gpu,cpu"]);
    expect((await said(`jobs_u/get/${id}`, { as: "gpu-only" }))[0]).toBe(404);
    expect(await json("jobs/list", { as: "gpu-only" })).toEqual([]);
    await addToken("alice", "reader", ["jobs:read"]);
    expect((await said(`jobs_u/get/${id}`, { as: "reader" }))[0]).toBe(200);
    expect((await said(`jobs_u/queue/cancel/${id}`, { as: "reader", body: {} }))[0]).toBe(403);
    await addToken("alice", "looking", ["jobs:write"]);
    await db.execute(sql`update token set read_only = true where prefix = 'looking'`);
    expect((await said(`jobs_u/queue/cancel/${id}`, { as: "looking", body: {} }))[0]).toBe(403);
  });

  test("of a public app's visitor is open to whoever knows its id", async () => {
    const id = await run("u/alice/a");
    await db.execute(sql`update job set created_by = 'anonymous', permissioned_as = 'u/anonymous' where id = ${id}`);
    expect((await said(`jobs_u/completed/get_result_maybe/${id}`, { as: "" }))[0]).toBe(200);
    expect((await said(`jobs_u/queue/cancel/${id}`, { as: "", body: {} }))[0]).toBe(200);
  });

  test("the root is the recorded one, or the top of the parents", async () => {
    const top = await run("u/alice/a");
    const middle = await run(`u/alice/a?parent_job=${top}`);
    const leaf = await run(`u/alice/a?parent_job=${middle}`);
    const rooted = await run(`u/alice/a?parent_job=${middle}&root_job=${top}`);
    expect(await json(`jobs_u/get_root_job_id/${leaf}`)).toBe(top);
    expect(await json(`jobs_u/get_root_job_id/${rooted}`)).toBe(top);
  });
});

describe("lists", () => {
  async function some(): Promise<Record<"ok" | "bad" | "waiting", string>> {
    const ok = await run("u/alice/a", { user: { id: 1, name: "x" }, tags: ["a", "b"] });
    await work(() => ({ status: "success", result: '{"sum":3,"nul":"\\u0000"}', labels: ["nightly"] }));
    await work(null);
    const bad = await run("f/shared/b", { n: 2 }, { as: "bob" });
    await work(() => ({ status: "failure", result: '{"error":{}}' }));
    await work(null);
    const waiting = await run("u/alice/a", { n: 3 });
    return { ok, bad, waiting };
  }

  test("every filter picks its jobs", async () => {
    const { ok, bad, waiting } = await some();
    const names = new Map([
      [ok, "ok"],
      [bad, "bad"],
      [waiting, "waiting"],
    ]);
    const found = async (query: string): Promise<string> =>
      (await json<Job[]>(`jobs/list?${query}`)).map((job) => names.get(String(job["id"]))).join(",");
    expect(await found("")).toBe("waiting,bad,ok");
    expect(await found("success=true")).toBe("ok");
    expect(await found("success=false")).toBe("bad");
    expect(await found("status=success")).toBe("ok");
    expect(await found("script_path_exact=u/alice/a")).toBe("waiting,ok");
    expect(await found("script_path_exact=!u/alice/a")).toBe("bad");
    expect(await found("script_path_exact=u/alice/a,f/shared/b")).toBe("waiting,bad,ok");
    expect(await found("script_path_start=f/")).toBe("bad");
    expect(await found("script_path_start=!f/,!u/zed")).toBe("waiting,ok");
    expect(await found("script_path_exact=*/shared/*&allow_wildcards=true")).toBe("bad");
    expect(await found("created_by=bob")).toBe("bad");
    expect(await found("created_by=!bob")).toBe("waiting,ok");
    expect(await found("label=nightly")).toBe("ok");
    expect(await found("running=false")).toBe("waiting");
    expect(await found("job_kinds=preview")).toBe("");
    expect(await found("job_kinds=script,preview&has_null_parent=true&is_flow_step=false&is_not_schedule=true")).toBe(
      "waiting,bad,ok",
    );
    expect(await found("worker=test-worker")).toBe("bad,ok");
    expect(await found("trigger_kind=!schedule")).toBe("waiting,bad,ok");
    expect(await found("schedule_path=u/alice/s")).toBe("");
    expect(await found("script_hash=b1")).toBe("bad");
    expect(await found("broad_filter=SHARED")).toBe("bad");
    expect(await found(`args=${encodeURIComponent('{"user":{"id":1},"tags":["b"]}')}`)).toBe("ok");
    expect(await found(`args=${encodeURIComponent('{"n":3}')}`)).toBe("waiting");
    expect(await found(`result=${encodeURIComponent('{"sum":3}')}&script_path_exact=u/alice/a`)).toBe("ok");
    expect(await found("tag=bun,gpu")).toBe("waiting,bad,ok");
    expect(await found("tag=!bun")).toBe("");
    expect(await found("is_skipped=true")).toBe("");
    expect(await found("suspended=false&scheduled_for_before_now=true")).toBe("waiting");
    expect(await found("created_before=2001-01-01T00:00:00Z")).toBe("");
    expect(await found("created_after=2001-01-01T00:00:00Z&started_after=2001-01-01T00:00:00Z")).toBe("bad,ok");
    expect(await found("completed_after=2001-01-01T00:00:00Z")).toBe("bad,ok");
    expect(await found("completed_after=2001-01-01T00:00:00Z&created_after_queue=2001-01-01T00:00:00Z")).toBe(
      "waiting,bad,ok",
    );
    expect(await found("per_page=1")).toBe("waiting");
    expect(await found("per_page=1&page=2")).toBe("bad");
    expect(await found("order_desc=false")).toBe("ok,bad,waiting");
  });

  test("parts have their own lists, counts and ids", async () => {
    const { ok, bad, waiting } = await some();
    const ids = async (path: string): Promise<string[]> => (await json<Job[]>(path)).map((job) => String(job["id"]));
    expect(await ids("jobs/queue/list?per_page=100000")).toEqual([waiting]);
    expect(await ids("jobs/completed/list")).toEqual([bad, ok]);
    expect(await json("jobs/list_filtered_uuids")).toEqual([waiting, bad, ok]);
    expect(await json("jobs/queue/list_filtered_uuids")).toEqual([waiting]);
    expect(await json("jobs/queue/count")).toEqual({ database_length: 1, suspended: 0 });
    expect(await json("jobs/completed/count")).toEqual({ database_length: 2 });
    expect(await json("jobs/completed/count_jobs?completed_after_s_ago=100&tags=bun")).toBe(2);
    expect(await json("jobs/completed/count_jobs?tags=gpu")).toBe(0);
    expect(await json("jobs_u/queue/get_started_at_by_ids", { body: [waiting, ok] })).toEqual([expect.any(String)]);
    const [first] = await json<Job[]>("jobs/completed/list?script_path_exact=u/alice/a");
    for (const absent of ["args", "result", "logs", "raw_code"]) expect(first).not.toHaveProperty(absent);
    expect(await json("jobs/list_selected_job_groups", { body: [ok, bad] })).toMatchObject([
      { kind: "script", script_path: "f/shared/b", schemas: [{ script_hash: "b1", job_ids: [bad] }] },
      { kind: "script", script_path: "u/alice/a", schemas: [{ script_hash: "a1", job_ids: [ok] }] },
    ]);
  });

  test("all workspaces are for superadmins in the workspace admins, and wrong values are named", async () => {
    await some();
    expect(await json<Job[]>("/w/admins/jobs/queue/list?all_workspaces=true", { as: "admin" })).toHaveLength(1);
    expect((await said("jobs/queue/list?all_workspaces=true", { as: "admin" }))[0]).toBe(403);
    expect((await said("jobs/list?all_workspaces=true"))[0]).toBe(403);
    for (const [query, field] of [
      ["args=%7B", "args"],
      ["created_before=x", "created_before"],
      ["running=maybe", "running"],
      ["status=done", "status"],
      ["per_page=0", "per_page"],
      ["parent_job=1", "parent_job"],
      [`args=${"[".repeat(600)}${"]".repeat(600)}`, "args"],
    ]) {
      expect(await said(`jobs/list?${query}`)).toEqual([400, expect.stringContaining(`query.${field}`)]);
    }
    expect((await said("jobs_u/queue/get_started_at_by_ids", { body: ["x"] }))[1]).toContain("body.0");
  });

  test("text in filters is only ever text", async () => {
    await some();
    for (const evil of ["'; drop table job; --", "%", "_", "\\", "a\u0001"]) {
      const query = encodeURIComponent(evil);
      expect(
        (
          await said(
            `jobs/list?created_by=${query}&broad_filter=${query}&script_path_start=${query}&label=${query}&tag=${query}`,
          )
        )[0],
      ).toBe(200);
    }
    expect(await json<Job[]>("jobs/list?script_path_start=%25")).toEqual([]);
    expect(await json<Job[]>("jobs/list?page=9007199254740991&per_page=100000")).toEqual([]);
    expect((await said("jobs/list?created_by=%00"))[0]).toBe(400);
    expect((await said("jobs/completed/count_jobs?completed_after_s_ago=9007199254740991"))[0]).toBe(400);
  });
});

test("the newest jobs of a workspace are found by index, however many there are", async () => {
  await db.execute(sql`insert into job (id, workspace_id, kind, created_at, created_by, permissioned_as, email, identity, script_path, tag)
    select gen_random_uuid(), 'w', 'script', now() - make_interval(secs => n), 'alice', 'u/alice', 'a', '{}', 'u/alice/a', 'bun' from generate_series(1, 20000) n`);
  await db.execute(
    sql`insert into job_done (id, workspace_id, status, duration_ms) select id, 'w', 'success', 1 from job`,
  );
  await db.execute(sql`analyze job, job_done, job_queue`);
  const member = {
    workspace: "w",
    email: "a",
    username: "alice",
    isAdmin: false,
    isOperator: false,
    groups: ["all"],
    foldersRead: [],
    foldersWrite: [],
    foldersOwned: [],
  };
  for (const part of ["all", "completed"] as const) {
    const listing = { caller: { kind: "job", jobId: "", member } as const, member, filters: {}, part, perPage: 30 };
    const plan = await db.query<{ "QUERY PLAN": string }>(sql`explain ${listStatement(listing)}`);
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(text).toMatch(/Index Scan using job_\w+_workspace_id_created_at_id_idx/);
    expect(text).not.toContain("Seq Scan on job_done");
  }
});

describe("what is kept of ended jobs", () => {
  test("an admin wipes one, or deletes many for good", async () => {
    const id = await run("u/alice/a", { secret: 1 });
    expect((await said(`jobs/completed/delete/${id}`, { as: "admin", method: "POST" }))[0]).toBe(400);
    await work(async (job) => {
      await world.log(job.id, 0, "a");
      await world.log(job.id, 1, "b");
      return { status: "success", result: '{"secret":2}' };
    });
    await work(null);
    expect((await said(`jobs/completed/delete/${id}`, { method: "POST" }))[0]).toBe(403);
    expect(await json(`jobs/completed/delete/${id}`, { as: "admin", method: "POST" })).toMatchObject({
      id,
      deleted: true,
      args: {},
      result: {},
      logs: "##DELETED##",
    });
    const waiting = await run("u/alice/a");
    expect(await said("jobs/delete", { as: "admin", body: [id, waiting, missing] })).toEqual([
      200,
      "Deleted 2 of 3 jobs",
    ]);
    expect((await said(`jobs_u/get/${id}`))[0]).toBe(404);
    expect(await db.query(sql`select from job_log`)).toEqual([]);
  });

  test("failures are resolved and taken up again", async () => {
    const id = await run("u/alice/a");
    await work(() => ({ status: "failure", result: '{"error":{}}' }));
    await work(null);
    expect(await json("jobs/completed/resolve", { as: "olga", body: { job_ids: [id] } })).toEqual([]);
    expect(await json("jobs/completed/resolve", { body: { job_ids: [id, missing], note: "known" } })).toEqual([id]);
    expect(await json(`jobs_u/get/${id}`)).toMatchObject({
      resolved: true,
      resolved_by: "alice",
      resolution_note: "known",
    });
    expect(await json<Job[]>("jobs/list?resolved=false")).toEqual([]);
    expect(await json("jobs/completed/unresolve", { body: { job_ids: [id] } })).toEqual([id]);
    expect(await json<Job>(`jobs_u/get/${id}`)).not.toHaveProperty("resolved");
  });
});
