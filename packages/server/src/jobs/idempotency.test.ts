import { sql } from "@towermill/store";
import { afterEach, expect, test } from "vitest";
import { jobsWorld } from "../../test/jobs-world.ts";
import { idOfKey, keyedRun } from "./idempotency.ts";

const world = await jobsWorld();
const { db, call } = world;
await world.addScript({ path: "f/shared/a", hash: "a1" });
await world.addScript({ path: "f/shared/b", hash: "b1" });
afterEach(() => world.clear());

const start = async (key: string, { as = "alice", path = "f/shared/a" } = {}): Promise<[number, string]> => {
  const response = await call(`jobs/run/p/${path}`, { as, body: {}, headers: { "idempotency-key": key } });
  return [response.status, await response.text()];
};

test("requests with one key start one job, also when they come at once", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => start("k")));
  expect(new Set(answers.map(([, id]) => id)).size).toBe(1);
  expect(new Set(answers.map(([status]) => status))).toEqual(new Set([201]));
  expect(await db.one(sql`select count(*)::int as count from job`)).toEqual({ count: 1 });
  expect(await start("k")).toEqual(answers[0]);
});

test("another key, caller or target is another job", async () => {
  const ids = [
    await start("k"),
    await start("l"),
    await start("k", { as: "bob" }),
    await start("k", { path: "f/shared/b" }),
  ];
  expect(new Set(ids.map(([, id]) => id)).size).toBe(4);
});

test("a key of yesterday still means its job for a day, then a new one", async () => {
  const [, id] = await start("k");
  const member = { workspace: "w", email: "alice@example.com" };
  const yesterday = Math.floor(Date.now() / 86_400_000) - 1;
  const old = idOfKey(JSON.stringify(["w", member.email, "script/f/shared/a", "k"]), yesterday);
  const request = new Request("http://localhost", { headers: { "idempotency-key": "k" } });
  const keyed = () => keyedRun(db, { request, member, target: "script/f/shared/a" });
  await db.execute(sql`update job set id = ${old}, created_at = now() - interval '23 hours' where id = ${id}`);
  expect(await keyed()).toEqual({ id: old, exists: true });
  await db.execute(sql`update job set created_at = now() - interval '25 hours' where id = ${old}`);
  expect(await keyed()).toEqual({ id, exists: false });
});

test("a key that is empty or endless is refused, and no key is needed", async () => {
  expect((await start(""))[0]).toBe(400);
  expect((await start("k".repeat(256)))[0]).toBe(400);
  expect((await call("jobs/run/p/f/shared/a", { body: {} })).status).toBe(201);
});
