import { jsonElements, jsonMembers, jsonObject } from "@towermill/contract";

/** Code inside a flow that has no lock yet. */
export interface InlineScript {
  step: string;
  language: string;
  content: string;
}

/** The lock of a script's dependencies; `null` = its language has none. */
export type LockOf = (script: InlineScript) => Promise<string | null>;

/** Lists of steps inside a step's value. */
const bodies = ["modules", "default"];

function textOf(members: ReadonlyMap<string, string>, name: string): string | null {
  const value: unknown = JSON.parse(members.get(name) ?? "null");
  return typeof value === "string" ? value : null;
}

function isObject(text: string): boolean {
  return text.trimStart().startsWith("{");
}

function isArray(text: string | undefined): text is string {
  return text !== undefined && text.trimStart().startsWith("[");
}

async function lockValue(text: string, step: string, lockOf: LockOf): Promise<string> {
  const members = jsonMembers(text);
  if (textOf(members, "type") === "rawscript") {
    const [language, content] = [textOf(members, "language"), textOf(members, "content")];
    const isLocked = (members.get("lock") ?? "null") !== "null";
    if (isLocked || language === null || content === null) return text;
    const lock = await lockOf({ step, language, content });
    return lock === null ? text : jsonObject(members.set("lock", JSON.stringify(lock)));
  }
  for (const name of bodies) await lockMember(members, name, lockOf);
  const branches = members.get("branches");
  if (!isArray(branches)) return jsonObject(members);
  const locked: string[] = [];
  for (const branch of jsonElements(branches)) {
    const parts = isObject(branch) ? jsonMembers(branch) : null;
    if (parts) await lockMember(parts, "modules", lockOf);
    locked.push(parts ? jsonObject(parts) : branch);
  }
  return jsonObject(members.set("branches", `[${locked.join(",")}]`));
}

async function lockModule(text: string, lockOf: LockOf): Promise<string> {
  if (!isObject(text)) return text;
  const members = jsonMembers(text);
  const value = members.get("value");
  if (value === undefined || !isObject(value)) return text;
  return jsonObject(members.set("value", await lockValue(value, textOf(members, "id") ?? "", lockOf)));
}

async function lockMember(members: Map<string, string>, name: string, lockOf: LockOf): Promise<void> {
  const list = members.get(name);
  if (!isArray(list)) return;
  const locked: string[] = [];
  for (const module of jsonElements(list)) locked.push(await lockModule(module, lockOf));
  members.set(name, `[${locked.join(",")}]`);
}

/**
 * A flow's value with a lock for each inline script that had none. Everything else stays as it was written, numbers and
 * key order included.
 * @param value JSON text of an object
 */
export async function lockInlineScripts(value: string, lockOf: LockOf): Promise<string> {
  const members = jsonMembers(value);
  await lockMember(members, "modules", lockOf);
  for (const name of ["failure_module", "preprocessor_module"]) {
    const module = members.get(name);
    if (module !== undefined) members.set(name, await lockModule(module, lockOf));
  }
  return jsonObject(members);
}
