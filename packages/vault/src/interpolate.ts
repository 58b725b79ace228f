import { jsonMembers, jsonObject, jsonStrings } from "@towermill/contract";
import { CipherError } from "./cipher.ts";
import { InterpolationError } from "./failure.ts";
import { readResources, readVariables, type ReadContext } from "./read.ts";
import { mayHoldReference, referencesOf, replaceReferences, type Reference } from "./reference.ts";

export interface InterpolationContext extends ReadContext {
  /** Contextual variables by name (`WM_JOB_ID`…): the string `$WM_JOB_ID` becomes the value. */
  contextual?: Readonly<Record<string, string>>;
  /** The root of the job's tree, whose `$encrypted:` arguments may be read; without it they stay as they are. */
  rootJob?: string;
}

/** Values of everything a text refers to, directly or through resources. */
interface Found {
  variables: Map<string, string>;
  resources: Map<string, string>;
  /** By ciphertext; `null` = could not be decrypted. */
  arguments: Map<string, string | null>;
}

const most = { rounds: 50, references: 10_000, length: 64 * 1024 * 1024 } as const;

/**
 * Resolves the references in arguments, a JSON object: `$var:`, `$res:` (and what the resource itself refers to),
 * `$encrypted:` and contextual variables, at any depth of objects and in small arrays, under the member's rights.
 * @throws InterpolationError naming the argument
 */
export async function interpolateArguments(ctx: InterpolationContext, argumentsJson: string): Promise<string> {
  if (!mayHoldReference(argumentsJson)) return argumentsJson;
  const found = await findAll(ctx, argumentsJson);
  const resolve = resolver(ctx, found);
  return jsonObject(Array.from(jsonMembers(argumentsJson), ([name, value]) => [name, resolve(value, name)] as const));
}

/**
 * Resolves the references in one JSON value, such as a resource's; `name` is what errors call it.
 * @throws InterpolationError
 */
export async function interpolate(ctx: InterpolationContext, json: string, name = "value"): Promise<string> {
  if (!mayHoldReference(json)) return json;
  return resolver(ctx, await findAll(ctx, json))(json, name);
}

/** Reads all that is referred to, level by level, so that a level costs two statements however many references it has. */
async function findAll(ctx: InterpolationContext, json: string): Promise<Found> {
  const found: Found = { variables: new Map(), resources: new Map(), arguments: new Map() };
  const asked = new Set<string>();
  let texts = [json];
  for (let round = 0; texts.length > 0; round += 1) {
    if (round > most.rounds)
      throw new InterpolationError(`resources refer to each other more than ${most.rounds} levels deep`);
    const fresh = texts.flatMap(referencesOf).filter((reference) => isFirst(asked, reference));
    if (asked.size > most.references)
      throw new InterpolationError(`more than ${most.references} references in one value`);
    const paths = (kind: "variable" | "resource"): string[] => fresh.flatMap((r) => (r.kind === kind ? [r.path] : []));
    const variables = await readVariables(ctx, paths("variable")).catch(undecipherable);
    for (const [path, value] of variables) found.variables.set(path, value);
    const resources = await readResources(ctx, paths("resource"));
    for (const [path, value] of resources) found.resources.set(path, value);
    await decryptArguments(ctx, fresh, found);
    texts = [...resources.values()];
  }
  return found;
}

function undecipherable(error: unknown): never {
  throw error instanceof CipherError ? new InterpolationError(error.message) : error;
}

function isFirst(asked: Set<string>, reference: Reference): boolean {
  if (reference.kind === "contextual") return false;
  const key = `${reference.kind}:${reference.kind === "encrypted" ? reference.ciphertext : reference.path}`;
  return !asked.has(key) && asked.add(key).size > 0;
}

async function decryptArguments(ctx: InterpolationContext, fresh: Reference[], found: Found): Promise<void> {
  if (ctx.rootJob === undefined) return;
  const scope = { workspace: ctx.member.workspace, rootJob: ctx.rootJob };
  for (const reference of fresh) {
    if (reference.kind !== "encrypted") continue;
    const json = await ctx.vault.decryptArgument(scope, reference.ciphertext).catch(() => null);
    found.arguments.set(reference.ciphertext, json);
    if (json !== null) for (const secret of jsonStrings(json, (text) => text !== "")) ctx.onSecret?.(secret);
  }
}

function resolver(ctx: InterpolationContext, found: Found): (json: string, name: string) => string {
  const resolved = new Map<string, string>();
  const open: string[] = [];
  let written = 0;

  const resource = (path: string, name: string): string => {
    const known = resolved.get(path);
    if (known !== undefined) return known;
    const value = found.resources.get(path);
    if (value === undefined) throw missing(ctx, { kind: "Resource", path, name });
    if (open.includes(path)) {
      throw new InterpolationError(
        `Resource ${path} refers to itself for \`${name}\`: ${[...open, path].join(" -> ")}`,
      );
    }
    open.push(path);
    const text = resolve(value, name);
    open.pop();
    resolved.set(path, text);
    return text;
  };
  const valueOf = (reference: Reference, name: string): string | null => {
    if (reference.kind === "contextual") return contextual(ctx, reference.name);
    if (reference.kind === "resource") return resource(requireTwoSegments(reference.path, name), name);
    if (reference.kind === "variable") {
      const value = found.variables.get(reference.path);
      if (value === undefined) throw missing(ctx, { kind: "Variable", path: reference.path, name });
      return JSON.stringify(value);
    }
    const json = found.arguments.get(reference.ciphertext);
    if (json === null) throw new InterpolationError(`Encrypted value of \`${name}\` cannot be decrypted by this job`);
    return json ?? null;
  };
  const resolve = (json: string, name: string): string =>
    replaceReferences(json, (reference) => {
      const text = valueOf(reference, name);
      written += text?.length ?? 0;
      if (written > most.length)
        throw new InterpolationError(`\`${name}\` becomes larger than ${most.length} characters`);
      return text;
    });
  return resolve;
}

function contextual(ctx: InterpolationContext, name: string): string | null {
  const { contextual: values } = ctx;
  return values && Object.hasOwn(values, name) ? JSON.stringify(values[name]) : null;
}

function requireTwoSegments(path: string, name: string): string {
  if (path.split("/").length < 2) {
    throw new InterpolationError(`Resource path ${path} of \`${name}\` is not valid: it needs at least two segments`);
  }
  return path;
}

function missing(
  { member }: InterpolationContext,
  what: { kind: string; path: string; name: string },
): InterpolationError {
  return new InterpolationError(
    `${what.kind} ${what.path} not found for \`${what.name}\`: it does not exist, or u/${member.username} may not read it`,
  );
}
