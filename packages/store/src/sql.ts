import { isDeepStrictEqual } from "node:util";

/** A statement or a piece of one. `text` numbers its parameters `$1…`, `values` are bound in that order. */
export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Set by {@link named}: the server keeps the parsed statement under this name, per connection. */
  readonly name?: string | undefined;
}

// A symbol cannot arrive in JSON, so no value of a request can pass itself off as SQL text.
const brand = Symbol.for("towermill.sql");

class Fragment implements Sql {
  readonly [brand] = true;
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
  readonly name: string | undefined;
  #text: string | undefined;

  constructor(strings: readonly string[], values: readonly unknown[], name?: string) {
    this.strings = strings;
    this.values = values;
    this.name = name;
  }

  get text(): string {
    this.#text ??= textOf(this.strings);
    return this.#text;
  }
}

// A template literal has one strings array for all its evaluations: hot statements are numbered once per process.
const texts = new WeakMap<readonly string[], string>();

function textOf(strings: readonly string[]): string {
  const known = texts.get(strings);
  if (known !== undefined) return known;
  let text = strings[0] ?? "";
  for (let index = 1; index < strings.length; index++) text += `$${index}${strings[index]}`;
  texts.set(strings, text);
  return text;
}

function isFragment(value: unknown): value is Fragment {
  return typeof value === "object" && value !== null && brand in value;
}

/** How a template was last put together: the texts of the pieces in it, and what came of them. */
interface Composition {
  pieces: readonly (readonly string[] | undefined)[];
  strings: readonly string[];
}

// Most templates get the same few sets of pieces; then only the values are gathered anew.
const compositions = new WeakMap<readonly string[], Composition[]>();
const mostCompositions = 4;

function build(template: readonly string[], inputs: readonly unknown[]): Sql {
  if (!inputs.some(isFragment)) return new Fragment(template, inputs);
  const known = compositions
    .get(template)
    ?.find(({ pieces }) => pieces.every((piece, index) => piece === piecesOf(inputs[index])));
  const strings = known?.strings ?? compose(template, inputs);
  return new Fragment(
    strings,
    inputs.flatMap((input) => (isFragment(input) ? input.values : [input])),
  );
}

const piecesOf = (input: unknown): readonly string[] | undefined => (isFragment(input) ? input.strings : undefined);

function compose(template: readonly string[], inputs: readonly unknown[]): readonly string[] {
  const strings = [template[0] ?? ""];
  inputs.forEach((input, index) => {
    if (isFragment(input)) append(strings, input);
    else strings.push("");
    strings.push((strings.pop() ?? "") + (template[index + 1] ?? ""));
  });
  const earlier = compositions.get(template) ?? [];
  compositions.set(template, [{ pieces: inputs.map(piecesOf), strings }, ...earlier.slice(0, mostCompositions - 1)]);
  return strings;
}

function append(strings: string[], fragment: Fragment): void {
  const [first = "", ...rest] = fragment.strings;
  strings.push((strings.pop() ?? "") + first, ...rest);
}

const identifier = /^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/;

/**
 * Tagged template for SQL. An interpolated value becomes a parameter (arrays bind as PostgreSQL arrays, `undefined` as
 * NULL, objects as JSON text); an interpolated fragment is spliced in and its parameters renumbered.
 * A JSON *array* needs `sql.json`, because a bare array binds as a PostgreSQL array.
 */
export const sql = Object.assign(
  (template: TemplateStringsArray, ...inputs: unknown[]): Sql => build(template, inputs),
  {
    /** The empty fragment: the "else" of a conditional piece. */
    empty: new Fragment([""], []) as Sql,

    /** Pieces with a separator between (`, ` unless told); no pieces give the empty fragment. */
    join(pieces: readonly Sql[], separator: Sql = new Fragment([", "], [])): Sql {
      const strings = [""];
      const values: unknown[] = [];
      pieces.forEach((piece, index) => {
        for (const part of index === 0 ? [piece] : [separator, piece]) {
          if (!isFragment(part)) throw new TypeError("sql.join takes only pieces made by sql`…`");
          append(strings, part);
          values.push(...part.values);
        }
      });
      return new Fragment(strings, values);
    },

    /** A table or column name, optionally `schema.name`. Throws on anything but lower-case names, so input cannot become SQL. */
    ident(name: string): Sql {
      if (!identifier.test(name)) {
        throw new TypeError(
          `${JSON.stringify(name)} is not usable as an SQL name: use lower-case letters, digits and _`,
        );
      }
      return new Fragment(
        [
          name
            .split(".")
            .map((part) => `"${part}"`)
            .join("."),
        ],
        [],
      );
    },

    /** Any value as one JSON text parameter; `undefined` gives NULL. */
    json(value: unknown): Sql {
      return new Fragment(["", ""], [value === undefined ? null : JSON.stringify(value)]);
    },
  },
);

/**
 * Gives a statement a name under which each connection keeps it parsed (1.3–1.5 times the throughput of an unnamed one).
 * One name must always go with one text: do not name a statement with conditional pieces.
 */
export function named(name: string, statement: Sql): Sql {
  requireName(name);
  if (!isFragment(statement)) throw new TypeError("named takes only statements made by sql`…`");
  return new Fragment(statement.strings, statement.values, name);
}

function requireName(name: string): void {
  if (!/^[a-zA-Z0-9_.-]{1,63}$/.test(name)) {
    throw new TypeError(`${JSON.stringify(name)} is no statement name: use 1 to 63 letters, digits, _ . or -`);
  }
}

const assembled = new Map<string, readonly string[]>();

/**
 * A named statement out of pieces: its text is put together once for each name, afterwards there are only its values.
 * @param make the statement; its values must be `values`
 */
export function namedOnce(name: string, values: readonly unknown[], make: () => Sql): Sql {
  return new Fragment(assembled.get(name) ?? assemble(name, values, make()), values, name);
}

function assemble(name: string, values: readonly unknown[], statement: Sql): readonly string[] {
  requireName(name);
  if (!isFragment(statement)) throw new TypeError("namedOnce takes only statements made by sql`…`");
  if (!isDeepStrictEqual(statement.values, values))
    throw new Error(`The statement ${name} lists its values in another order than its text`);
  assembled.set(name, statement.strings);
  return statement.strings;
}
