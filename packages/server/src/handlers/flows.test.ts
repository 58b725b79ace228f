import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, call, said, json, addToken } = world;

afterEach(async () => {
  await world.clear();
  for (const table of ["flow", "flow_version", "draft", "favorite", "schedule", "trash"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
  world.bus.publish("changed", ["flow:*", "flow-version:*"]);
});

const hello = {
  modules: [
    {
      id: "a",
      value: { type: "rawscript", language: "bash", content: "echo hello", input_transforms: {} },
    },
  ],
};

const create = (path: string, fields: object = {}, as = "alice"): Promise<[number, string]> =>
  said("flows/create", { as, body: { path, summary: "S", value: hello, ...fields } });

describe("deploying a flow", () => {
  test("stores value and schema to the letter and answers the path as text with 201", async () => {
    const value =
      '{"modules":[{"id":"a","value":{"type":"identity"},"unknown":{"z":1,"a":1.0}}],"notes":[{"id":"n","text":"\\u0000"}],"big":12345678901234567890}';
    const schema = '{"type":"object", "required":[],"properties":{"x":{"default":1.50}}}';
    const body = `{"path":"u/alice/exact","summary":"Exact","value":${value},"schema":${schema}}`;
    const response = await call("flows/create", { body });
    expect([response.status, await response.text()]).toEqual([201, "u/alice/exact"]);
    expect(response.headers.get("content-type")).toContain("text/plain");
    const got = (await said("flows/get/u/alice/exact"))[1];
    expect(got).toContain(`"value":${value}`);
    expect(got).toContain(`"schema":${schema}`);
    expect(JSON.parse(got)).toMatchObject({
      workspace_id: "w",
      path: "u/alice/exact",
      summary: "Exact",
      edited_by: "alice",
      archived: false,
      extra_perms: {},
      version_id: expect.any(Number),
    });
  });

  test("a path is deployed once; an update makes a version, which can be read, listed and described", async () => {
    expect((await create("u/alice/twice"))[0]).toBe(201);
    expect(await create("u/alice/twice")).toEqual([400, expect.stringContaining("already exists")]);
    const body = { value: { modules: [] }, summary: "T", deployment_message: "second" };
    expect(await said("flows/update/u/alice/twice", { body })).toEqual([200, "u/alice/twice"]);
    const history = await json<{ id: number; deployment_msg?: string }[]>("flows/history/p/u/alice/twice");
    expect(history).toMatchObject([{ deployment_msg: "second", created_by: "alice" }, { created_by: "alice" }]);
    expect(await json("flows/get_latest_version/u/alice/twice")).toMatchObject({ id: history[0]?.id });
    expect(await json(`flows/get/v/${history[1]?.id}`)).toMatchObject({ summary: "T", value: hello });
    const described = await said(`flows/history_update/v/${history[1]?.id}`, { body: { deployment_msg: "first" } });
    expect(described[0]).toBe(200);
    expect(await json("flows/history/p/u/alice/twice?per_page=1&page=2")).toMatchObject([{ deployment_msg: "first" }]);
    expect((await said("flows/get/v/999999999"))[0]).toBe(404);
  });

  test("what an update leaves out stays, except for options", async () => {
    await create("u/alice/kept", {
      description: "D",
      schema: { type: "object" },
      tag: "gpu",
      timeout: 5,
      labels: ["x"],
    });
    expect(await json("flows/get/u/alice/kept")).toMatchObject({ tag: "gpu", timeout: 5, labels: ["x"] });
    await said("flows/update/u/alice/kept", { body: { value: hello } });
    const kept = await json("flows/get/u/alice/kept");
    expect(kept).toMatchObject({ summary: "S", description: "D", schema: { type: "object" } });
    expect(kept).not.toHaveProperty("tag");
  });

  test("another path in an update moves the flow with its history and its schedules", async () => {
    await create("u/alice/old");
    await said("flows/update/u/alice/old", { body: { value: hello } });
    await db.execute(sql`insert into schedule (workspace_id, path, schedule, timezone, script_path, is_flow, permissioned_as, email, edited_by)
      values ('w', 'u/alice/old', '0 0 * * * *', 'UTC', 'u/alice/old', true, 'u/alice', 'alice@example.com', 'alice')`);
    await db.execute(
      sql`insert into favorite (workspace_id, username, kind, path) values ('w', 'alice', 'flow', 'u/alice/old')`,
    );
    await create("u/alice/there");
    const onto = { path: "u/alice/there", value: hello };
    expect(await said("flows/update/u/alice/old", { body: onto })).toEqual([
      400,
      expect.stringContaining("already exists"),
    ]);
    expect(await said("flows/update/u/alice/old", { body: { path: "f/shared/new", value: hello } })).toEqual([
      200,
      "f/shared/new",
    ]);
    expect((await said("flows/get/u/alice/old"))[0]).toBe(404);
    expect(await json<unknown[]>("flows/history/p/f/shared/new")).toHaveLength(3);
    expect(await json("flows/get/f/shared/new?with_starred_info=true")).toMatchObject({ starred: true });
    expect(await json("flows/get_triggers_count/f/shared/new")).toMatchObject({ schedule_count: 1, webhook_count: 0 });
  });

  test("a wrong value is refused naming step and field, and nothing is stored", async () => {
    const wrong = async (value: unknown): Promise<string> => {
      const [status, text] = await create("u/alice/wrong", { value });
      expect(status).toBe(400);
      return text;
    };
    expect(await wrong({ modules: [{ id: "b", value: { type: "script", path: "nowhere" } }] })).toMatch(
      /Step b.*not a workspace path/,
    );
    expect(
      await wrong({ modules: [{ id: "c", value: { type: "aiagent", tools: [], input_transforms: {} } }] }),
    ).toMatch(/Step c/);
    expect(await wrong({ modules: [{ id: "d", skip_if: { expr: "1 +" }, value: { type: "identity" } }] })).toMatch(
      /Step d, field skip_if.expr, line 1/,
    );
    expect(await wrong({})).toContain("modules");
    expect(await wrong("text")).toContain("body.value");
    expect((await create("nowhere"))[0]).toBe(400);
    expect((await create("u/alice/../x"))[0]).toBe(400);
    expect((await said("flows/create", { body: '{"path":"u/alice/x","value":' }))[0]).toBe(400);
    expect((await said("flows/exists/u/alice/wrong"))[1]).toBe("false");
  });

  test("the result of a step that does not exist is a warning", async () => {
    const value = { modules: [{ id: "abc", skip_if: { expr: "results.abd > 1" }, value: { type: "identity" } }] };
    const response = await call("flows/create", { body: { path: "u/alice/warned", value } });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-towermill-warnings")).toContain("did you mean abc");
  });

  test("drafts: draft_only deploys nothing, a deployment removes the deployer's draft", async () => {
    expect((await create("u/alice/d", { draft_only: true }))[0]).toBe(201);
    expect(await json("flows/get/u/alice/d")).toMatchObject({ draft_only: true });
    expect(await json("flows/list")).toEqual([]);
    expect(await json("flows/list?include_draft_only=true")).toMatchObject([{ path: "u/alice/d", draft_only: true }]);
    expect((await said("jobs/run/f/u/alice/d", { body: {} }))[0]).toBe(404);
    await db.execute(
      sql`insert into draft (workspace_id, kind, path, email, value) values ('w', 'flow', 'u/alice/d', 'alice@example.com', '{"summary":"mine"}')`,
    );
    expect(await json("flows/get/u/alice/d?get_draft=true")).toMatchObject({
      is_draft: true,
      draft: { summary: "mine" },
    });
    expect((await said("flows/update/u/alice/d", { body: { value: hello } }))[0]).toBe(200);
    const deployed = await json("flows/get/u/alice/d?get_draft=true");
    expect(deployed).toMatchObject({ is_draft: false });
    expect(deployed).not.toHaveProperty("draft_only");
  });

  test("a developer runs as themselves on behalf; only admins may keep somebody else", async () => {
    await create("u/alice/behalf", { on_behalf_of_email: "bob@example.com" });
    expect(await json("flows/get/u/alice/behalf")).toMatchObject({ on_behalf_of_email: "alice@example.com" });
    const kept = { value: hello, on_behalf_of_email: "bob@example.com", preserve_on_behalf_of: true };
    await said("flows/update/u/alice/behalf", { as: "admin", body: kept });
    expect(await json("flows/get/u/alice/behalf")).toMatchObject({ on_behalf_of: "u/bob" });
  });

  test("two deployments of one new path at once: one wins, the other is told", async () => {
    const answers = await Promise.all([create("u/alice/race"), create("u/alice/race"), create("u/alice/race")]);
    expect(answers.map(([status]) => status).sort()).toEqual([201, 400, 400]);
  });
});

describe("locks of inline scripts", () => {
  const unlocked = {
    modules: [
      {
        id: "a",
        value: {
          type: "forloopflow",
          iterator: { type: "static", value: [] },
          skip_failures: false,
          modules: [
            {
              id: "b",
              value: { type: "rawscript", language: "bun", content: "export function main() {}", input_transforms: {} },
            },
          ],
        },
      },
    ],
  };

  test("a flow with code that has no lock gets a dependency job of its version, one with locks none", async () => {
    await create("u/alice/locked");
    expect(await json("flows/deployment_status/p/u/alice/locked")).toEqual({});
    await create("u/alice/unlocked", { value: unlocked });
    const { job_id } = await json<{ job_id: string }>("flows/deployment_status/p/u/alice/unlocked");
    const { version_id } = await json<{ version_id: number }>("flows/get/u/alice/unlocked");
    expect(await json(`jobs_u/get/${job_id}`)).toMatchObject({
      job_kind: "flowdependencies",
      script_path: "u/alice/unlocked",
      script_hash: String(version_id),
      tag: "dependency",
    });
  });

  test("locks can be asked for without deploying, by the cookie alone as the official CLI does", async () => {
    const body = { flow_value: unlocked, path: "u/alice/any", raw_workspace_dependencies: null };
    const sent = { as: "", body, headers: { cookie: "token=alice" } };
    const [status, id] = await said("jobs/run/flow_dependencies_async", sent);
    expect(status).toBe(201);
    expect(await json(`jobs_u/get/${id}`)).toMatchObject({ job_kind: "flowdependencies", script_path: "u/alice/any" });
    expect((await said("jobs/run/flow_dependencies_async", { as: "olga", body }))[0]).toBe(403);
  });
});

describe("who may do what", () => {
  test("others see what is shared with them and change nothing; operators only read", async () => {
    await create("u/alice/private");
    await create("f/shared/flow");
    expect((await said("flows/get/u/alice/private", { as: "bob" }))[0]).toBe(404);
    expect((await said("flows/get/f/shared/flow", { as: "bob" }))[0]).toBe(200);
    expect((await said("flows/update/f/shared/flow", { as: "bob", body: { value: hello } }))[0]).toBe(403);
    expect((await said("flows/update/u/alice/private", { as: "bob", body: { value: hello } }))[0]).toBe(404);
    expect((await said("flows/delete/f/shared/flow", { as: "bob", method: "DELETE" }))[0]).toBe(403);
    expect((await create("u/alice/other", {}, "bob"))[0]).toBe(403);
    expect((await create("u/olga/x", {}, "olga"))[0]).toBe(403);
    expect((await said("flows/get/f/shared/flow", { as: "eve" }))[0]).toBe(403);
    const { version_id } = await json<{ version_id: number }>("flows/get/u/alice/private");
    expect((await said(`flows/get/v/${version_id}`, { as: "bob" }))[0]).toBe(404);
    expect(await json("flows/list_paths", { as: "bob" })).toEqual(["f/shared/flow"]);
    await db.execute(sql`update flow set extra_perms = '{"u/bob": true}' where path = 'u/alice/private'`);
    expect((await said("flows/update/u/alice/private", { as: "bob", body: { value: hello } }))[0]).toBe(200);
  });

  test("scopes with paths narrow single flows and lists", async () => {
    await create("u/alice/in");
    await create("u/alice/out");
    await addToken("alice", "narrow", ["flows:read:u/alice/in"]);
    expect((await said("flows/get/u/alice/in", { as: "narrow" }))[0]).toBe(200);
    expect(await json("flows/list", { as: "narrow" })).toMatchObject([{ path: "u/alice/in" }]);
    expect(await json("flows/list_paths", { as: "narrow" })).toEqual(["u/alice/in"]);
    expect((await said("flows/get/u/alice/out", { as: "narrow" }))[0]).toBe(403);
    expect((await said("flows/update/u/alice/in", { as: "narrow", body: { value: hello } }))[0]).toBe(403);
  });
});

describe("lists", () => {
  test("leave definitions out, filter, and page as the official CLI does", async () => {
    for (const name of ["a", "b", "c"]) await create(`u/alice/${name}`, { labels: [name] });
    await said("flows/archive/u/alice/c", { body: { archived: true } });
    const listed = await json<Record<string, unknown>[]>("flows/list");
    expect(listed.map(({ path }) => path)).toEqual(["u/alice/b", "u/alice/a"]);
    expect(listed[0]).not.toHaveProperty("value");
    expect(await json("flows/list?show_archived=true")).toMatchObject([{ path: "u/alice/c", archived: true }]);
    expect(await json("flows/list?path_start=u/alice/a")).toHaveLength(1);
    expect(await json("flows/list?label=b")).toMatchObject([{ path: "u/alice/b" }]);
    expect(await json("flows/list?order_desc=false&per_page=1&page=2")).toMatchObject([{ path: "u/alice/b" }]);
    const cli = { headers: { "x-windmill-client": "cli" } };
    expect(await json("flows/list?page=1&per_page=1", cli)).toMatchObject([{ path: "u/alice/a" }]);
    expect(await json("flows/list_search")).toMatchObject([{ path: "u/alice/a", value: hello }, { path: "u/alice/b" }]);
  });

  test("flows that run a script or flow are found, however deep the step is", async () => {
    const step = { id: "s", value: { type: "script", path: "f/shared/used", input_transforms: {} } };
    const value = {
      modules: [{ id: "b", value: { type: "branchone", branches: [{ expr: "true", modules: [step] }], default: [] } }],
    };
    await create("u/alice/user", { value });
    await create("u/alice/other");
    expect(await json("flows/list_paths_from_workspace_runnable/script/f/shared/used")).toEqual(["u/alice/user"]);
    expect(await json("flows/list_paths_from_workspace_runnable/flow/f/shared/used")).toEqual([]);
    expect(await json("flows/list_paths_from_workspace_runnable/script/f/shared?match_path_start=true")).toEqual([
      "u/alice/user",
    ]);
    expect(await json("flows/list_paths_from_workspace_runnable/script/f/shared/us")).toEqual([]);
  });
});

describe("archiving and deleting", () => {
  test("an archived flow does not run and comes back; a deleted one can be restored from the trash", async () => {
    await create("u/alice/gone");
    await said("flows/archive/u/alice/gone", { body: { archived: true } });
    expect((await said("jobs/run/f/u/alice/gone", { body: {} }))[0]).toBe(404);
    expect((await said("flows/exists/u/alice/gone"))[1]).toBe("true");
    await said("flows/archive/u/alice/gone", { body: { archived: false } });
    expect((await said("jobs/run/f/u/alice/gone", { body: {} }))[0]).toBe(201);
    expect(await said("flows/delete/u/alice/gone", { method: "DELETE" })).toEqual([200, "Flow u/alice/gone deleted"]);
    expect((await said("flows/exists/u/alice/gone"))[1]).toBe("false");
    expect((await said("jobs/run/f/u/alice/gone", { body: {} }))[0]).toBe(404);
    const kept = await db.one<{ item_kind: string }>(sql`select item_kind from trash`);
    expect(kept.item_kind).toBe("flow");
  });

  test("muting the error handler is kept with the flow", async () => {
    await create("u/alice/mute");
    expect((await said("flows/toggle_workspace_error_handler/u/alice/mute", { body: { muted: true } }))[0]).toBe(200);
    expect(await json("flows/get/u/alice/mute")).toMatchObject({ ws_error_handler_muted: true });
  });
});
