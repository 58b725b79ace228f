import { testDatabase, whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { openBus } from "./notifications.ts";
import type { Bus, BusOptions } from "./notifications.ts";
import { sql } from "./sql.ts";

const { db, url } = await testDatabase();

async function bus(options: Partial<BusOptions> = {}): Promise<Bus> {
  const opened = await openBus({ url, ...options });
  whenDone(() => opened.close());
  return opened;
}

function record(on: Bus, topic: string): string[] {
  const heard: string[] = [];
  on.subscribe(topic, (ids) => heard.push(...ids));
  return heard;
}

const cutAll = sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity
                    where application_name = 'towermill notifications' and datname = current_database()`;

describe("a message", () => {
  test("is heard at once at home and soon elsewhere, once each", async () => {
    const [here, there] = await Promise.all([bus(), bus()]);
    const [home, away] = [record(here, "wake"), record(there, "wake")];
    here.publish("wake", ["bun", "python3"]);
    expect(home).toEqual(["bun", "python3"]);
    await expect.poll(() => away).toEqual(["bun", "python3"]);
    there.publish("wake", ["bash"]);
    await expect.poll(() => home).toEqual(["bun", "python3", "bash"]);
    expect(away).toEqual(["bun", "python3", "bash"]);
  });

  test("reaches only subscribers of its topic, and no one who left", async () => {
    const here = await bus();
    const heard = record(here, "done");
    const leave = here.subscribe("done", () => heard.push("should have left"));
    leave();
    here.publish("cancel", ["x"]);
    here.publish("done", []);
    here.publish("done", ["y"]);
    expect(heard).toEqual(["y"]);
  });

  test("is gathered with others into few notifications", async () => {
    const [here, there] = await Promise.all([bus({ intervalMs: 50 }), bus()]);
    const away: string[][] = [];
    there.subscribe("done", (ids) => away.push(ids));
    const ids = Array.from({ length: 300 }, (_, index) => `job-${index}`);
    for (const id of ids) here.publish("done", [id, "same"]);
    await expect.poll(() => new Set(away.flat()).size).toBe(301);
    expect(away.length).toBeLessThan(5);
    expect(away.flat().filter((id) => id === "same").length).toBeLessThan(3);
  });

  test("larger than a notification may be is split, and one that cannot be becomes a resync", async () => {
    const [here, there] = await Promise.all([bus(), bus()]);
    const away = record(there, "changed");
    let resyncs = 0;
    there.onResync(() => resyncs++);
    const ids = Array.from({ length: 900 }, (_, index) => `"ключ" 键 ${index} ${"x".repeat(30)}`);
    here.publish("changed", ids);
    await expect.poll(() => away.length).toBe(900);
    expect(new Set(away)).toEqual(new Set(ids));
    expect(resyncs).toBe(0);
    here.publish("changed", ["x".repeat(10_000)]);
    await expect.poll(() => resyncs).toBe(1);
    expect(away).toHaveLength(900);
  });

  test("waiting when the bus closes is still sent", async () => {
    const [here, there] = await Promise.all([bus({ intervalMs: 200 }), bus()]);
    const away = record(there, "cancel");
    here.publish("cancel", ["first"]);
    here.publish("cancel", ["last"]);
    await here.close();
    await expect.poll(() => away).toEqual(["first", "last"]);
  });

  test("that a subscriber chokes on still reaches the others", async () => {
    const here = await bus();
    here.subscribe("logs", () => {
      throw new Error("choked");
    });
    const heard = record(here, "logs");
    here.publish("logs", ["x"]);
    expect(heard).toEqual(["x"]);
  });
});

test("garbage on the channel is ignored", async () => {
  const [here, there] = await Promise.all([bus(), bus()]);
  const away = record(there, "wake");
  for (const garbage of [
    "",
    "{",
    "[]",
    '["x"]',
    '["x", 1]',
    '[1, {"wake": ["x"]}]',
    '["x", {"wake": "x"}]',
    '["x", {"wake": [1]}]',
  ]) {
    await db.execute(sql`select pg_notify('towermill', ${garbage})`);
  }
  here.publish("wake", ["real"]);
  await expect.poll(() => away).toEqual(["real"]);
});

describe("a lost connection", () => {
  test("comes back, with a resync on each side, and messages flow again", async () => {
    const [here, there] = await Promise.all([bus(), bus()]);
    const away = record(there, "done");
    const resyncs: string[] = [];
    here.onResync(() => resyncs.push("here"));
    there.onResync(() => resyncs.push("there"));
    await db.query(cutAll);
    here.publish("done", ["while away"]);
    await expect.poll(() => new Set(resyncs), { timeout: 5000 }).toEqual(new Set(["here", "there"]));
    here.publish("done", ["after"]);
    await expect.poll(() => away).toContain("after");
  });

  test("does not keep the bus from closing", async () => {
    const here = await bus();
    await db.query(cutAll);
    await here.close();
  });
});

test("a bus that cannot connect says so", async () => {
  await expect(openBus({ url: "postgresql://nobody@/x?host=/nonexistent" })).rejects.toThrow(/ENOENT/);
});
