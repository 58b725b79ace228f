/** Which statements' rows become the result, and in what form. */
export interface Collection {
  statements: "last" | "all" | "legacy";
  rows: "all" | "first";
  scalar: boolean;
}

const FORM = /^(last_statement|all_statements)_(all_rows|first_row)(_scalar)?$/;

function directive(content: string, name: string): string | null {
  return new RegExp(`^-- ${name}\\r?$`, "m").exec(content)?.[1] ?? null;
}

/** The resource a script pins (`-- database u/x/pg`), as a path or as written with a scheme; null without one. */
export function pinnedDatabase(content: string): string | null {
  return directive(content, "database (\\S+) *");
}

/**
 * How the script wants its rows (`-- result_collection=…`); the rows of the last statement where it says nothing.
 * @throws Error naming the forms there are
 */
export function collectionOf(content: string): Collection {
  const form = directive(content, "result_collection *= *(\\S+) *");
  if (form === null) return { statements: "last", rows: "all", scalar: false };
  if (form === "legacy") return { statements: "legacy", rows: "all", scalar: false };
  const match = FORM.exec(form);
  if (match === null) {
    throw new Error(
      `result_collection=${form} is not known: use last_statement or all_statements, then _all_rows or _first_row, ` +
        "then _scalar or nothing; or legacy",
    );
  }
  const [, statements, rows, scalar] = match;
  return {
    statements: statements === "last_statement" ? "last" : "all",
    rows: rows === "all_rows" ? "all" : "first",
    scalar: scalar !== undefined,
  };
}

/** What a script asks for that is not there, or null: to ignore it would run statements that were not to be run. */
export function unsupported(content: string): string | null {
  if (directive(content, "(s3)(?: .*)?") !== null) return "`-- s3`: rows cannot be written to object storage";
  if (directive(content, "(prepare)") !== null) return "`-- prepare`: the types of columns cannot be asked for";
  return null;
}
