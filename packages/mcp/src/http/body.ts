/** Largest request: a workspace's largest script or flow with room to spare. */
export const bodyLimit = 8 * 1024 * 1024;

/** The text of a body; `null` when it is longer than the limit. */
export async function readText(request: Request, limit = bodyLimit): Promise<string | null> {
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > limit) return null;
  // a body of a known length is read without the cost of a stream
  if (length !== null) return request.text();
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body) {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > limit) return null;
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A JSON text's value; `undefined` when it is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
