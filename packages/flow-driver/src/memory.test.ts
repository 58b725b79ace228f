import { expect, test } from "vitest";
import { createTextCache } from "./memory.ts";

test("the oldest texts go first, and one that is too large is not kept at all", () => {
  const cache = createTextCache(10_000);
  for (let i = 0; i < 30; i += 1) cache.set(`k${i}`, "x".repeat(500));
  expect(cache.get("k0")).toBeUndefined();
  expect(cache.get("k29")).toHaveLength(500);
  cache.set("large", "x".repeat(5000));
  expect(cache.get("large")).toBeUndefined();
  cache.set("k29", "new");
  expect(cache.get("k29")).toBe("new");
});
