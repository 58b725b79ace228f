export interface BatchOptions<Item, Result> {
  /** Writes a batch; answers for each item, in their order. */
  write(items: readonly Item[]): Promise<readonly Result[]>;
  /** Whether the failure of a batch may be the fault of one of its items: then each is written by itself. */
  isOwnFault(error: unknown): boolean;
  /** Bytes (about) that an item brings. */
  bytesOf(item: Item): number;
}

const largestBatch = 100;
/** Bytes of one batch together; a larger item goes alone. */
const largestBatchBytes = 4_000_000;

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Writes items together that arrive while others are being written: the first goes at once, the more there are the less
 * each costs. The answer rejects with what `write` threw, for an item by itself where it is its own fault.
 */
export function createBatches<Item, Result>(options: BatchOptions<Item, Result>): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let draining = false;
  let lately = 0;

  const take = (): Waiting<Item, Result>[] => {
    let bytes = 0;
    let count = 0;
    for (const { item } of waiting.slice(0, largestBatch)) {
      bytes += options.bytesOf(item);
      if (count > 0 && bytes > largestBatchBytes) break;
      count += 1;
    }
    return waiting.splice(0, count);
  };
  const write = async (batch: Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await options.write(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (batch.length > 1 && options.isOwnFault(error)) await Promise.all(batch.map((entry) => write([entry])));
      else for (const { reject } of batch) reject(error);
    }
  };
  const drain = async (): Promise<void> => {
    draining = true;
    while (waiting.length > 0) {
      // many come: what else arrives in this turn of the event loop goes along
      if (waiting.length + lately > 1) await new Promise((resolve) => setImmediate(resolve));
      const batch = take();
      lately = batch.length - 1;
      await write(batch);
    }
    draining = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!draining) void drain();
    });
}
