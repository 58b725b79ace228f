/** A call that cannot be made as it was asked; the model reads what to change. */
export class ToolFailure extends Error {
  /** What would be right: a fragment of the schema, a name, a way out. */
  readonly hint: string;

  constructor(message: string, hint = "") {
    super(message);
    this.name = "ToolFailure";
    this.hint = hint;
  }
}

/** The candidate nearest to a misspelt name, `null` when none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= Math.max(2, name.length / 3) && (best === null || distance < best.distance))
      best = { name: candidate, distance };
  }
  return best?.name ?? null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** An argument that has to be a text. @throws ToolFailure */
export function requireArgument(args: Readonly<Record<string, unknown>>, name: string): string {
  const value = args[name];
  if (typeof value === "string" && value !== "") return value;
  throw new ToolFailure(`${name}: is required, a string`);
}
