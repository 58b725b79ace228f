import { hash } from "@node-rs/argon2";
import { expect, test } from "vitest";
import { hashPassword, needsRehash, requireGoodPassword, verifyPassword } from "./password.ts";

test("a hash verifies its password only", async () => {
  const hashed = await hashPassword("pässwörd 🔑");
  expect(hashed).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await verifyPassword(hashed, "pässwörd 🔑")).toBe(true);
  expect(await verifyPassword(hashed, "pässwörd")).toBe(false);
  expect(needsRehash(hashed)).toBe(false);
});

test("an account without a hash, or with a broken one, lets nobody in", async () => {
  for (const stored of [null, "", "plain", "$argon2id$broken"]) expect(await verifyPassword(stored, "")).toBe(false);
});

test("a hash made with lower costs still works and is to be made again", async () => {
  const weak = await hash("secret", { memoryCost: 8192, timeCost: 1, parallelism: 1 });
  expect(await verifyPassword(weak, "secret")).toBe(true);
  expect(needsRehash(weak)).toBe(true);
});

test("many at once wait for each other instead of failing", async () => {
  const hashed = await hashPassword("once");
  const results = await Promise.all(Array.from({ length: 12 }, () => verifyPassword(hashed, "once")));
  expect(results.every(Boolean)).toBe(true);
});

test("more than the process can take are refused", async () => {
  const attempts = await Promise.allSettled(Array.from({ length: 80 }, () => hashPassword("flood")));
  expect(attempts.filter((attempt) => attempt.status === "rejected")).toHaveLength(80 - 66);
});

test("short passwords cannot be chosen", () => {
  expect(() => requireGoodPassword("1234567")).toThrow(/at least 8/);
  expect(() => requireGoodPassword("12345678")).not.toThrow();
});
