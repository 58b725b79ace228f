import { testDatabase, whenDone } from "@towermill/testkit";
import { expect, test } from "vitest";
import { createCache } from "./cache.ts";
import { openBus } from "./notifications.ts";

const { url } = await testDatabase();

async function caches(options: { maximumAgeMs?: number; maximumSize?: number } = {}) {
  const [here, there] = await Promise.all([openBus({ url }), openBus({ url })]);
  whenDone(() => Promise.all([here.close(), there.close()]));
  let loads = 0;
  const load = async (key: string): Promise<string> => {
    if (key === "bad") throw new Error(`no ${key}`);
    return `${key} ${++loads}`;
  };
  return { bus: here, cache: createCache({ bus: there, name: "role", load, maximumAgeMs: 60_000, ...options }) };
}

test("an entry is loaded once, also when asked for twice at the same moment", async () => {
  const { cache } = await caches();
  expect(await Promise.all([cache.get("a"), cache.get("a")])).toEqual(["a 1", "a 1"]);
  expect(await cache.get("b")).toBe("b 2");
});

test("an entry is forgotten when any process says it changed", async () => {
  const { bus, cache } = await caches();
  await cache.get("a");
  await cache.get("b");
  bus.publish("changed", ["role:a", "other:b"]);
  await expect.poll(() => cache.get("a")).toBe("a 3");
  expect(await cache.get("b")).toBe("b 2");
  bus.publish("changed", ["role:*"]);
  await expect.poll(() => cache.get("b")).not.toBe("b 2");
});

test("a failed load is not kept", async () => {
  const { cache } = await caches();
  await expect(cache.get("bad")).rejects.toThrow("no bad");
  await expect(cache.get("bad")).rejects.toThrow("no bad");
});

test("old entries and too many are dropped", async () => {
  const { cache } = await caches({ maximumSize: 2 });
  for (const key of ["a", "b", "c"]) await cache.get(key);
  expect(await cache.get("c")).toBe("c 3");
  expect(await cache.get("a")).toBe("a 4");
  const aged = (await caches({ maximumAgeMs: 0 })).cache;
  expect([await aged.get("a"), await aged.get("a")]).toEqual(["a 1", "a 2"]);
});
