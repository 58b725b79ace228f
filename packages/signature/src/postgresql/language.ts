import { parameterKind, type Argument, type LanguageParser, type Signature } from "../signature.ts";
import { sqlInterpolations } from "./interpolation.ts";
import { postgresqlParameters } from "./parameter.ts";

/** Every script takes the database it runs on; one it pins itself (`-- database u/x/pg`) is used instead. */
const DATABASE: Argument = { name: "database", typ: { resource: "postgresql" }, hasDefault: false };

function signature(content: string): Signature {
  const parameters = postgresqlParameters(content).map((parameter): Argument => {
    const { name, typ, otyp, hasDefault } = parameter;
    return { name, typ, otyp, default: parameter.default, hasDefault };
  });
  const pieces = sqlInterpolations(content).map(({ name, choices, default: fallback }): Argument => {
    const otyp = choices === null ? "__sanitized_raw_string__" : "__sanitized_enum__";
    return { name, typ: { str: choices }, otyp, default: fallback, hasDefault: fallback !== null };
  });
  return {
    valid: true,
    args: [DATABASE, ...parameters, ...pieces],
    autoKind: null,
    hasMain: true,
    hasPreprocessor: false,
    starArgs: false,
    starKwargs: false,
  };
}

/** PostgreSQL: the arguments are the database and the `$N` of the text. */
export const postgresql: LanguageParser = {
  signature,
  parameters(content) {
    const found = signature(content);
    if (!found.valid) return null;
    return found.args.map(({ name, typ, hasDefault }) => {
      return { name, kind: parameterKind(typ), hasDefault, passing: "either" };
    });
  },
  imports: () => [],
};
