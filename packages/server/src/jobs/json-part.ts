import { jsonMembers } from "@towermill/contract";

/** The part of a JSON text that keys between dots or commas lead to, as JSON text; `null` where there is none. */
export function jsonPart(text: string, path: string): string {
  let part = text;
  for (const key of path.split(/[.,]/).filter((name) => name !== "")) {
    const start = part.trimStart()[0];
    if (start === "{") part = jsonMembers(part).get(key) ?? "null";
    else if (start === "[" && /^\d+$/.test(key))
      part = JSON.stringify((JSON.parse(part) as unknown[])[Number(key)]) ?? "null";
    else return "null";
  }
  return part;
}
