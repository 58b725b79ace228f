import type { Readable } from "node:stream";
import { ApiError, jsonDepth, maximumDepth } from "@towermill/contract";
import type { z } from "zod";
import { arrivalOf, headerOf } from "./socket.ts";

/**
 * Reads a request body up to a limit, without trusting Content-Length.
 * @throws ApiError `too_large`
 */
export async function readBody(request: Request, limit: number): Promise<Buffer> {
  const declared = Number(headerOf(request, "content-length") ?? 0);
  const tooLarge = (): ApiError =>
    new ApiError("too_large", `The request body is larger than the limit of ${limit} bytes`);
  if (declared > limit) throw tooLarge();
  const incoming = arrivalOf(request);
  if (incoming) return readStream(incoming, limit, tooLarge);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body as AsyncIterable<Uint8Array> | null) ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The same by events: an iterator over a stream costs more than all else in reading a small body. */
function readStream(incoming: Readable, limit: number, tooLarge: () => ApiError): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size <= limit) chunks.push(chunk);
      else reject(tooLarge());
    });
    let ended = false;
    incoming.once("end", () => {
      ended = true;
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    incoming.once("error", reject);
    incoming.once("close", () => {
      if (!ended) reject(new ApiError("bad_request", "The request ended before its body was complete"));
    });
  });
}

/** @throws ApiError `bad_json` saying where, or that the nesting is too deep */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ApiError(
      "bad_json",
      `The request body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (jsonDepth(text) > maximumDepth) {
    throw new ApiError("bad_request", `The request body is nested deeper than ${maximumDepth} levels`);
  }
  return value;
}

/** Parses one part of a request; the error names each wrong field. @throws ApiError `bad_request` */
export function parsePart<T extends z.ZodType>(
  schema: T,
  value: unknown,
  part: "body" | "query" | "path",
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${[part, ...issue.path].join(".")}: ${issue.message}`);
  throw new ApiError("bad_request", `Bad request: ${problems.join("; ")}`);
}

/** Query parameters as an object; a repeated one keeps all its values as a comma list, as filters expect. */
export function queryObject(search: URLSearchParams): Record<string, string> {
  if (search.size === 0) return {};
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of search) {
    if (name !== "token") query[name] = name in query ? `${query[name]},${value}` : value;
  }
  return { ...query };
}
