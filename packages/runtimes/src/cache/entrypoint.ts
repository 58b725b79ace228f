import type { Language } from "@towermill/contract";
import { parameterNames } from "@towermill/signature";
import type { Prepared } from "../runtime.ts";

/** What a runner must know to call into a script. */
export type Entrypoint = Pick<Prepared, "parameters" | "hasPreprocessor">;

/**
 * Parameters of the function `name` of a script, and whether it has a preprocessor. A function that cannot be found
 * has no parameters: only the runner can say for sure that it does not exist.
 */
export function readEntrypoint(language: Language, content: string, name: string): Entrypoint {
  const parameters = parameterNames(language, content, name) ?? [];
  return {
    parameters: parameters.map((parameter) => ({
      name: parameter.name,
      kind: parameter.kind,
      hasDefault: parameter.hasDefault,
    })),
    hasPreprocessor: content.includes("preprocessor") && parameterNames(language, content, "preprocessor") !== null,
  };
}
