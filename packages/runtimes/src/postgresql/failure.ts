import pg from "pg";
import type { JobError } from "../runtime.ts";

/** The words in which a job learns why its SQL failed; `text` is the statement that did. */
export function sqlError(error: unknown, text: string | null): JobError {
  if (!(error instanceof pg.DatabaseError))
    return { name: "ExecutionErr", message: error instanceof Error ? error.message || error.name : String(error) };
  const { message, detail, hint, where, code, position } = error;
  const lines = [
    message,
    ...(position !== undefined && text !== null ? [placeOf(text, Number(position))] : []),
    ...(detail === undefined ? [] : [`DETAIL: ${detail}`]),
    ...(hint === undefined ? [] : [`HINT: ${hint}`]),
    ...(where === undefined ? [] : [`CONTEXT: ${where}`]),
  ];
  return { name: "ExecutionErr", message: lines.join("\n"), ...(code === undefined ? {} : { code }) };
}

/** The line of the statement, counted from 1, that a position in characters is in. */
function placeOf(text: string, position: number): string {
  const before = Array.from(text)
    .slice(0, position - 1)
    .join("")
    .split("\n");
  return `LINE ${before.length}: ${text.split("\n")[before.length - 1] ?? ""}`;
}
