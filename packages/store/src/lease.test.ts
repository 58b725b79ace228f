import { testDatabase } from "@towermill/testkit";
import { expect, test } from "vitest";
import { acquireLease, leaseIsHeld, releaseLease, renewLease } from "./lease.ts";
import type { Lease } from "./lease.ts";
import { sql } from "./sql.ts";

const { db } = await testDatabase();
const ask = (name: string, holder: string, ttlMs = 60_000) => acquireLease(db, { name, holder, ttlMs });
const isHeld = async (lease: Lease) =>
  (await db.one<{ held: boolean }>(sql`select ${leaseIsHeld(lease)} as held`)).held;
const runOut = (name: string) =>
  db.execute(sql`update lease set until = now() - interval '1 second' where name = ${name}`);

test("a lease has one holder, however many ask at once", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => ask("one", `holder ${index}`)));
  expect(answers.filter((lease) => lease !== undefined)).toHaveLength(1);
});

test("a holder that asks again keeps its lease and epoch", async () => {
  const first = await ask("again", "a");
  expect(first).toEqual({ name: "again", holder: "a", epoch: 1 });
  expect(await ask("again", "a")).toEqual(first);
  expect(await ask("again", "b")).toBeUndefined();
});

test("a lease that ran out goes to the next, and the late holder can neither renew nor act", async () => {
  const late = await ask("late", "a");
  if (late === undefined) throw new Error("not acquired");
  expect(await renewLease(db, late, 60_000)).toBe(true);
  expect(await isHeld(late)).toBe(true);
  await runOut("late");
  expect(await isHeld(late)).toBe(false);
  expect(await renewLease(db, late, 60_000)).toBe(false);
  const next = await ask("late", "b");
  expect(next).toEqual({ name: "late", holder: "b", epoch: 2 });
  await releaseLease(db, late);
  expect(next !== undefined && (await isHeld(next))).toBe(true);
});

test("a released lease is free at once and its epoch still rises", async () => {
  const first = await ask("released", "a");
  if (first === undefined) throw new Error("not acquired");
  await releaseLease(db, first);
  expect(await isHeld(first)).toBe(false);
  expect(await ask("released", "b")).toMatchObject({ epoch: 2 });
});

test("a holder whose lease ran out gets a new epoch", async () => {
  const first = await ask("lapsed", "a");
  await runOut("lapsed");
  const second = await ask("lapsed", "a");
  expect(second).toMatchObject({ epoch: 2 });
  expect(first !== undefined && (await isHeld(first))).toBe(false);
});
