import { writeSync } from "node:fs";

interface Parameter {
  name: string;
  kind: string;
}

export interface Call {
  entry: string;
  entrypoint: string;
  preprocess: boolean;
  parameters: readonly Parameter[];
}

type Callable = (...args: unknown[]) => unknown;

/** What a call came to, as JSON texts. */
export interface CallResult {
  result: string;
  preprocessed?: string;
}

const modules = new Map<string, Record<string, unknown>>();

/** Every import of a module that is loaded would still take a turn of the loader. */
async function load(entry: string): Promise<Record<string, unknown>> {
  const module = (await import(entry)) as Record<string, unknown>;
  modules.set(entry, module);
  return module;
}

/** Loads the script, calls it with the arguments of the JSON object `args` and awaits what it answers. */
export async function callScript(call: Call, args: string, started: () => void): Promise<CallResult> {
  const given = JSON.parse(args) as Record<string, unknown>;
  const module = modules.get(call.entry) ?? (await load(call.entry));
  const main = functionOf(module, call.entrypoint);
  started();
  if (!call.preprocess) return { result: await finish(main(...positional(call.parameters, given))) };
  const preprocessor = functionOf(module, "preprocessor");
  const event = Object.hasOwn(given, "event") ? given["event"] : given;
  const made = await preprocessor(event);
  if (typeof made !== "object" || made === null || Array.isArray(made)) {
    throw new TypeError("preprocessor must return an object with the arguments of main.");
  }
  const preprocessed = toJson(made, "preprocessor");
  return { result: await finish(main(...positional(call.parameters, made as Record<string, unknown>))), preprocessed };
}

function functionOf(module: Record<string, unknown>, name: string): Callable {
  const nested = module["default"] as Record<string, unknown> | null | undefined;
  const found = module[name] ?? nested?.[name];
  if (typeof found === "function") return found as Callable;
  throw new Error(`The script exports no function named "${name}".`);
}

function positional(parameters: readonly Parameter[], given: Record<string, unknown>): unknown[] {
  const args = parameters.map(({ name, kind }) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    const isDate = kind === "date" || kind === "datetime";
    return isDate && (typeof value === "string" || typeof value === "number") ? new Date(value) : value;
  });
  return args;
}

async function finish(returned: unknown): Promise<string> {
  const value = await returned;
  if (!isStream(value)) return toJson(value, "main");
  for await (const part of value) {
    const text = typeof part === "string" ? part : part instanceof Uint8Array ? decode(part) : toJson(part, "main");
    writeAll(`WM_STREAM: ${text.replaceAll("\n", "\\n")}\n`);
  }
  return "null";
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, Symbol.asyncIterator) === "function";
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function writeAll(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
}

/** `undefined` becomes null and a BigInt its digits in a string. */
function toJson(value: unknown, who: string): string {
  try {
    return tryJson(value) ?? "null";
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new TypeError(`${who} returned a value that cannot be written as JSON: ${reason}`, { cause: error });
  }
}

function tryJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // A replacer makes large results several times slower, so it is only used where something failed without it.
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner));
  }
}
