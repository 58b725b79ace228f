/**
 * What an expression may read, as JSON text by name. A name whose properties are fetched one by one (`results`,
 * `flow_input`) has the text of each; properties that are not there read as undefined.
 */
export type Inputs = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** One JSON object of those inputs that are named. */
export function inputText(inputs: Inputs, names: readonly string[]): string {
  const parts = names.flatMap((name) => {
    const input = own(inputs, name);
    if (input === undefined) return [];
    return [`${JSON.stringify(name)}:${typeof input === "string" ? input : objectText(input)}`];
  });
  return `{${parts.join(",")}}`;
}

/**
 * The JSON text at the end of a path of own properties, "null" where there is nothing.
 * @returns undefined when the inputs do not have the name
 */
export function textAt(inputs: Inputs, { root, keys }: { root: string; keys: readonly string[] }): string | undefined {
  const input = own(inputs, root);
  if (input === undefined) return undefined;
  if (typeof input === "string") return walk(input, keys);
  const [first, ...rest] = keys;
  if (first === undefined) return objectText(input);
  return walk(own(input, first) ?? "null", rest);
}

function walk(text: string, keys: readonly string[]): string {
  if (keys.length === 0) return text;
  let value: unknown = JSON.parse(text);
  for (const key of keys)
    value = value == null || !Object.hasOwn(Object(value), key) ? undefined : Reflect.get(Object(value), key);
  return JSON.stringify(value ?? null);
}

function objectText(input: Readonly<Record<string, string>>): string {
  return `{${Object.entries(input)
    .map(([key, text]) => `${JSON.stringify(key)}:${text}`)
    .join(",")}}`;
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
