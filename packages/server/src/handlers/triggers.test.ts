import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, call, said, json, addToken } = await itemsWorld();

const common = { script_path: "u/alice/s", is_flow: false };
const bodies = {
  http: { route_path: "orders/:id", http_method: "post", workspaced_route: true },
  websocket: { url: "wss://example.com", filters: [] },
  kafka: { kafka_resource_path: "u/alice/k", group_id: "g", topics: ["t"] },
  nats: { nats_resource_path: "u/alice/n", subjects: ["s"], use_jetstream: false },
  mqtt: { mqtt_resource_path: "u/alice/m", subscribe_topics: [{ qos: "qos0", topic: "t" }] },
  amqp: { amqp_resource_path: "u/alice/a", queue_name: "q" },
  sqs: { queue_url: "https://sqs.example", aws_resource_path: "u/alice/a" },
  gcp: { topic_id: "t", subscription_id: "s" },
  azure: { azure_resource_path: "u/alice/a", scope_resource_id: "x", subscription_name: "s" },
  postgres: { postgres_resource_path: "u/alice/p", publication_name: "p", replication_slot_name: "s" },
  email: { local_part: "orders", workspaced_local_part: true },
};

const kinds = Object.keys(bodies) as (keyof typeof bodies)[];

beforeEach(async () => {
  for (const kind of kinds) await db.execute(sql`delete from ${sql.ident(`${kind}_trigger`)}`);
  for (const table of ["trigger_history", "native_trigger", "trash", "audit"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
});

describe.each(kinds)("a trigger of kind %s", (kind) => {
  const path = "u/alice/t";
  const body = { path, ...common, ...bodies[kind] };

  test("is created, read, changed, switched, listed and deleted into the trash", async () => {
    expect(await said(`${kind}_triggers/create`, { body })).toEqual([201, path]);
    const made = await json(`${kind}_triggers/get/${path}`);
    expect(made).toMatchObject({
      ...body,
      mode: "enabled",
      permissioned_as: "u/alice",
      edited_by: "alice",
      workspace_id: "w",
    });
    expect(made["error"]).toMatch(/nothing listens/);
    expect(await json(`${kind}_triggers/exists/${path}`)).toBe(true);
    expect(await said(`${kind}_triggers/setmode/${path}`, { body: { mode: "suspended" } })).toEqual([
      200,
      `${kind} trigger ${path} suspended`,
    ]);
    expect(
      (
        await said(`${kind}_triggers/update/${path}`, {
          body: { ...body, script_path: "u/alice/other", extra: { "2": 1, "1": null } },
        })
      )[0],
    ).toBe(200);
    const changed = await json(`${kind}_triggers/get/${path}`);
    expect(changed).toMatchObject({ mode: "suspended", script_path: "u/alice/other", extra: { "1": null } });
    expect(changed).not.toHaveProperty("error");
    expect(await json(`${kind}_triggers/list?path=u/alice/other`)).toMatchObject([{ path }]);
    expect(await json(`${kind}_triggers/list`, { as: "bob" })).toEqual([]);
    expect((await said(`${kind}_triggers/delete/${path}`, { method: "DELETE" }))[0]).toBe(200);
    expect((await said(`${kind}_triggers/get/${path}`))[0]).toBe(404);
    const [item] = await json<{ id: number }[]>(`trash/list?item_kind=${kind}_trigger`);
    expect((await said(`trash/restore/${item?.id}`, { method: "POST" }))[0]).toBe(200);
    expect(await json(`${kind}_triggers/get/${path}`)).toEqual(changed);
    const history = await json<{ operation: string }[]>(`triggers_history/list?trigger_kind=${kind}`);
    expect(history.map(({ operation }) => operation)).toEqual(["delete", "update", "suspend", "create"]);
  });

  test("is refused without what its kind needs, twice at a path, and to those who may not write there", async () => {
    expect((await said(`${kind}_triggers/create`, { body: { path, ...common } }))[0]).toBe(400);
    await said(`${kind}_triggers/create`, { body });
    expect((await said(`${kind}_triggers/create`, { body }))[0]).toBe(400);
    expect((await said(`${kind}_triggers/create`, { as: "olga", body: { ...body, path: "u/olga/t" } }))[0]).toBe(403);
    expect((await said(`${kind}_triggers/update/${path}`, { as: "bob", body }))[0]).toBe(404);
  });
});

describe("addresses", () => {
  const route = { ...common, http_method: "get", route_path: "a/:id" };

  test("outside the workspace are for admins, and nobody takes one twice however its parameters are called", async () => {
    expect((await said("http_triggers/create", { body: { path: "u/alice/r", ...route } }))[0]).toBe(403);
    expect((await said("http_triggers/create", { as: "admin", body: { path: "u/alice/r", ...route } }))[0]).toBe(201);
    const other = { path: "u/alice/r2", ...route, route_path: "a/:name" };
    expect(await said("http_triggers/create", { as: "admin", body: other })).toEqual([
      400,
      "route_path: another trigger answers to this method and route",
    ]);
    expect((await said("http_triggers/create", { as: "admin", body: { ...other, http_method: "post" } }))[0]).toBe(201);
    expect(await json("http_triggers/route_exists", { body: { route_path: "a/:x", http_method: "get" } })).toBe(true);
    expect(
      await json("http_triggers/route_exists", {
        body: { route_path: "a/:x", http_method: "get", trigger_path: "u/alice/r" },
      }),
    ).toBe(false);
    expect(
      await json("http_triggers/route_exists", {
        body: { route_path: "a/:x", http_method: "get", workspaced_route: true },
      }),
    ).toBe(false);
  });

  test("stay when somebody who is no admin changes the rest", async () => {
    await said("http_triggers/create", { as: "admin", body: { path: "u/alice/r", ...route } });
    const { route_path: _, ...rest } = route;
    expect(
      (await said("http_triggers/update/u/alice/r", { body: { path: "u/alice/r", ...rest, wrap_body: true } }))[0],
    ).toBe(200);
    expect(await json("http_triggers/get/u/alice/r")).toMatchObject({ route_path: "a/:id", wrap_body: true });
    expect(
      (await said("http_triggers/update/u/alice/r", { body: { path: "u/alice/r", ...route, route_path: "b" } }))[0],
    ).toBe(403);
  });

  test.each(["/a", "a//b", "a b", "a?x", "../x\n", "a/{id}"])(
    "of the wrong form are refused: %j",
    async (route_path) => {
      const body = { path: "u/alice/r", ...route, route_path };
      expect((await said("http_triggers/create", { as: "admin", body }))[0]).toBe(400);
    },
  );
});

test("whom a trigger runs as is kept only by those who may, and its permissions come along from files of owners", async () => {
  const body = {
    path: "f/shared/t",
    ...common,
    ...bodies.kafka,
    permissioned_as: "u/bob",
    preserve_permissioned_as: true,
    extra_perms: { "u/bob": true },
  };
  await said("kafka_triggers/create", { body });
  expect(await json("kafka_triggers/get/f/shared/t")).toMatchObject({
    permissioned_as: "u/alice",
    extra_perms: { "u/bob": true },
  });
  expect((await said("kafka_triggers/update/f/shared/t", { as: "bob", body: { ...body, extra_perms: {} } }))[0]).toBe(
    200,
  );
  expect(await json("kafka_triggers/get/f/shared/t")).toMatchObject({
    permissioned_as: "u/bob",
    extra_perms: { "u/bob": true },
  });
  await said("kafka_triggers/update/f/shared/t", { as: "admin", body });
  expect(await json("kafka_triggers/get/f/shared/t")).toMatchObject({
    permissioned_as: "u/bob",
    email: "bob@example.com",
    edited_by: "admin",
  });
});

test("what starts a script is counted, and follows it when it moves", async () => {
  const script = { path: "u/alice/s", summary: "", description: "", content: "echo 1", language: "bash" };
  const { 0: status, 1: hash } = await said("scripts/create", { body: script });
  expect(status).toBe(201);
  await said("kafka_triggers/create", { body: { path: "u/alice/t", ...common, ...bodies.kafka } });
  await said("http_triggers/create", { body: { path: "u/alice/t", ...common, ...bodies.http } });
  await said("native_triggers/github/create", { body: { ...common, service_config: {} } });
  const counts = {
    kafka_count: 1,
    http_routes_count: 1,
    github_count: 1,
    nats_count: 0,
    schedule_count: 0,
    webhook_count: 0,
  };
  expect(await json("scripts/get_triggers_count/u/alice/s")).toMatchObject(counts);
  expect((await said("scripts/create", { body: { ...script, path: "u/alice/moved", parent_hash: hash } }))[0]).toBe(
    201,
  );
  expect(await json("scripts/get_triggers_count/u/alice/moved")).toMatchObject(counts);
  expect(await json("kafka_triggers/get/u/alice/t")).toMatchObject({ script_path: "u/alice/moved" });
});

test("a token for one kind of triggers is of no use for another", async () => {
  await addToken("alice", "kafka-only", ["kafka_triggers:read"]);
  expect((await said("kafka_triggers/list", { as: "kafka-only" }))[0]).toBe(200);
  expect((await said("nats_triggers/list", { as: "kafka-only" }))[0]).toBe(403);
  expect(
    (
      await said("kafka_triggers/create", { as: "kafka-only", body: { path: "u/alice/t", ...common, ...bodies.kafka } })
    )[0],
  ).toBe(403);
});

test("a trigger on events of another service is a stored row with the rights of what it starts", async () => {
  const body = { ...common, service_config: { "2": 1, "1": 2 }, summary: "files" };
  const { external_id: id } = await json<{ external_id: string }>("native_triggers/nextcloud/create", { body });
  expect(await (await call(`native_triggers/nextcloud/get/${id}`)).json()).toMatchObject({
    ...body,
    enabled: true,
    external_data: null,
  });
  expect((await said(`native_triggers/nextcloud/get/${id}`, { as: "bob" }))[0]).toBe(404);
  expect((await said(`native_triggers/google/get/${id}`))[0]).toBe(404);
  expect((await said(`native_triggers/nextcloud/update/${id}`, { body: { ...body, summary: "changed" } }))[0]).toBe(
    200,
  );
  expect((await said(`native_triggers/nextcloud/setenabled/${id}`, { body: { enabled: false } }))[0]).toBe(200);
  expect(await json("native_triggers/nextcloud/list")).toMatchObject([
    { external_id: id, summary: "changed", enabled: false },
  ]);
  expect((await said(`native_triggers/nextcloud/delete/${id}`, { method: "DELETE" }))[0]).toBe(200);
  expect((await said(`native_triggers/unknown/list`))[0]).toBe(400);
});
