import { randomToken } from "@towermill/queue";
import { z } from "zod";

/** What a client of the 2025 revisions says of itself once, at `initialize`. */
export interface Introduction {
  protocolVersion: string;
  clientInfo: { name: string; version: string };
  /** Those by which a server may ask the client something. */
  capabilities: { elicitation?: object; sampling?: object; roots?: object };
}

/**
 * A session of the 2025 revisions. No process keeps it: the id itself carries the introduction, so that any process can
 * answer, before and after a restart. It tells nothing but what its client said of itself, so nothing is won by forging
 * one.
 */
export interface ClientSession {
  /** Tells this client's requests from those of others with the same token. */
  key: string;
  introduction: Introduction | null;
}

const longest = 2000;
const text = z.string().max(200);
const flags = z.looseObject({}).optional();
const introductionSchema = z.object({
  protocolVersion: text,
  clientInfo: z.object({ name: text, version: text }),
  capabilities: z.object({ elicitation: flags, sampling: flags, roots: flags }),
});

function read(value: unknown): Introduction | null {
  const { data } = introductionSchema.safeParse(value);
  return data ? (JSON.parse(JSON.stringify(data)) as Introduction) : null;
}

/** A new session's id. @param params of the `initialize` request */
export function openSession(params: unknown): string {
  const introduction = read(params);
  const told = introduction ? Buffer.from(JSON.stringify(introduction)).toString("base64url") : "";
  return told === "" || told.length > longest ? randomToken() : `${randomToken()}.${told}`;
}

/** `null` = the id is none of ours. */
export function readSession(id: string | null): ClientSession | null {
  const [, key, told] = /^([A-Za-z0-9]{32})(?:\.([A-Za-z0-9_-]{1,2000}))?$/.exec(id ?? "") ?? [];
  if (key === undefined) return null;
  if (told === undefined) return { key, introduction: null };
  try {
    return { key, introduction: read(JSON.parse(Buffer.from(told, "base64url").toString("utf8"))) };
  } catch {
    return { key, introduction: null };
  }
}
