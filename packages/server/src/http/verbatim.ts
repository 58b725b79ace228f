import { ApiError, jsonMembers, jsonObject } from "@towermill/contract";
import { jsonText } from "./answer.ts";

/** The text of one member of a JSON body exactly as it was sent; `undefined` when the member is absent. */
export function memberText(bodyText: string, name: string): string | undefined {
  return jsonMembers(bodyText).get(name);
}

/**
 * A JSON object as text: `fields` are serialised (unset ones left out), `verbatim` members are JSON texts already and go
 * out as they were stored.
 */
export function composeJson(
  fields: Readonly<Record<string, unknown>>,
  verbatim: Readonly<Record<string, string | null | undefined>>,
): string {
  const members: [string, string][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null) members.push([name, JSON.stringify(value)]);
  }
  for (const [name, text] of Object.entries(verbatim))
    if (text !== undefined && text !== null) members.push([name, text]);
  return jsonObject(members);
}

/** Answers a list of JSON texts. */
export function jsonList(items: readonly string[]): Response {
  return jsonText(`[${items.join(",")}]`);
}

/**
 * PostgreSQL reads no text out of JSON that holds a NUL or half of a surrogate pair, so what it shall look into must not.
 * @throws ApiError `bad_request` naming the field
 */
export function requireSearchable(value: unknown, field: string): void {
  JSON.stringify(value, (name, part: unknown) => {
    const bad = (text: unknown): boolean => typeof text === "string" && /[\0\p{Cs}]/u.test(text);
    if (bad(name) || bad(part))
      throw new ApiError("bad_request", `${field}: must not hold a NUL character or half a surrogate pair`);
    return part;
  });
}
