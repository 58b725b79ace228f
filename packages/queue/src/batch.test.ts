import { describe, expect, test } from "vitest";
import { createBatches } from "./batch.ts";

class OwnFault extends Error {}

/** Writes that end when they are told to. */
function world({ bad = [] as string[] } = {}) {
  const writes: { items: readonly string[]; end(error?: Error): void }[] = [];
  const add = createBatches<string, string>({
    bytesOf: (item) => item.length,
    isOwnFault: (error) => error instanceof OwnFault,
    write: (items) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error ? reject(error) : resolve(items.map((item) => `${item}!`)));
        if (items.some((item) => bad.includes(item))) return end(new OwnFault(items.join(",")));
        writes.push({ items, end });
      }),
  });
  const next = (at: number) => expect.poll(() => writes[at]).toBeDefined();
  return { writes, add, next };
}

describe("batches", () => {
  test("the first item goes at once, those that come meanwhile go together", async () => {
    const { writes, add, next } = world();
    const first = add("a");
    await next(0);
    const others = ["b", "c", "d"].map(add);
    expect(writes).toHaveLength(1);
    writes[0]?.end();
    expect(await first).toBe("a!");
    await next(1);
    writes[1]?.end();
    expect(await Promise.all(others)).toEqual(["b!", "c!", "d!"]);
    expect(writes.map(({ items }) => items)).toEqual([["a"], ["b", "c", "d"]]);
  });

  test("an item that is at fault fails alone", async () => {
    const { writes, add, next } = world({ bad: ["x"] });
    const all = Promise.allSettled(["a", "x", "b"].map(add));
    await next(0);
    writes[0]?.end();
    await next(1);
    for (const { end } of writes.slice(1)) end();
    await expect.poll(() => writes.map(({ items }) => items.join())).toEqual(["a", "b"]);
    expect((await all).map((each) => (each.status === "fulfilled" ? each.value : String(each.reason)))).toEqual([
      "a!",
      "Error: x",
      "b!",
    ]);
  });

  test("any other failure is that of all, and the next ones are written", async () => {
    const { writes, add, next } = world();
    const first = add("a");
    await next(0);
    const both = Promise.allSettled(["b", "c"].map(add));
    writes[0]?.end();
    await first;
    await next(1);
    writes[1]?.end(new Error("away"));
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const later = add("d");
    await next(2);
    writes[2]?.end();
    expect(await later).toBe("d!");
  });

  test("no batch is larger than 100 items or 4 million bytes, but for a single item", async () => {
    const { writes, add, next } = world();
    const all = [add("a")];
    await next(0);
    const large = "l".repeat(5_000_000);
    for (const item of [large, ...Array.from({ length: 150 }, () => "s")]) all.push(add(item));
    for (let at = 0; at < 4; at += 1) {
      await next(at);
      writes[at]?.end();
    }
    expect(await Promise.all(all)).toHaveLength(152);
    expect(writes.map(({ items }) => items.length)).toEqual([1, 1, 100, 50]);
  });
});
