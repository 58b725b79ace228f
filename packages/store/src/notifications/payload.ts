/** What one process tells the others: per topic the ids concerned, or that they must look for themselves (`resync`). */
export interface Message {
  readonly from: string;
  readonly topics: ReadonlyMap<string, readonly string[]>;
  readonly resync: boolean;
}

// PostgreSQL refuses payloads of 8000 bytes and more.
const largestPayload = 7900;

/** Splits a message into as many payloads as it needs; what fits into none becomes a resync. */
export function encodeMessage({ from, topics, resync }: Message): string[] {
  const payloads: string[] = [];
  let mustResync = resync;
  let batch = new Map<string, string[]>();
  const overhead = JSON.stringify([from, {}]).length;
  let size = overhead;
  const flush = (): void => {
    if (batch.size > 0) payloads.push(JSON.stringify([from, Object.fromEntries(batch)]));
    batch = new Map();
    size = overhead;
  };
  for (const [topic, ids] of topics) {
    for (const id of ids) {
      const cost = bytesOf(id) + bytesOf(topic) + 8;
      if (overhead + cost > largestPayload) {
        mustResync = true;
        continue;
      }
      if (size + cost > largestPayload) flush();
      const list = batch.get(topic);
      if (list === undefined) batch.set(topic, [id]);
      else list.push(id);
      size += cost;
    }
  }
  flush();
  return mustResync ? [...payloads, JSON.stringify([from, null])] : payloads;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

/** Reads a payload; `undefined` for anything else that was sent on the channel. */
export function decodeMessage(payload: string): Message | undefined {
  const value = parse(payload);
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [from, body]: unknown[] = value;
  if (typeof from !== "string") return undefined;
  if (body === null) return { from, topics: new Map(), resync: true };
  if (typeof body !== "object") return undefined;
  const topics = new Map(Object.entries(body as object).filter(isTopic));
  return { from, topics, resync: false };
}

function isTopic(entry: [string, unknown]): entry is [string, string[]] {
  return Array.isArray(entry[1]) && entry[1].every((id) => typeof id === "string");
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}
