/** Something wrong with a flow, told to whoever deploys it. */
export interface FlowProblem {
  /** What may stay as it is: the flow runs, though perhaps not as meant. */
  severity: "error" | "warning";
  /** The step, null for the flow itself. */
  step: string | null;
  /** Path of the field inside the step (or the flow), such as `value.input_transforms.x`. */
  field: string;
  /** A sentence. */
  message: string;
  /** Of an expression, from 1. */
  line?: number;
  column?: number;
}

/** One sentence with all that is known. */
export function sentenceOf({ step, field, message, line, column }: FlowProblem): string {
  const place = [step === null ? "The flow" : `Step ${step}`, field === "" ? "" : `, field ${field}`].join("");
  return `${place}${line === undefined ? "" : `, line ${line}, column ${column ?? 1}`}: ${message}`;
}

/** The nearest of some names, null if none is near. */
export function nearest(name: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(name.length / 2)) + 1;
  for (const candidate of names) {
    const distance = distanceOf(name.slice(0, 64).toLowerCase(), candidate.slice(0, 64).toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Letters to add, drop or change (Levenshtein). */
function distanceOf(a: string, b: string): number {
  const others = Array.from(b);
  let row = Array.from({ length: others.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of others.entries())
      next.push(Math.min(cell(row, j) + (letter === other ? 0 : 1), cell(row, j + 1) + 1, cell(next, j) + 1));
    row = next;
  }
  return cell(row, row.length - 1);
}

/** One that is there. */
function cell(row: readonly number[], index: number): number {
  return row[index] as number;
}
