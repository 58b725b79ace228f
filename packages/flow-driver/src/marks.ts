interface Marks {
  wm_labels?: unknown;
  recover?: unknown;
}

function read(result: string): Marks | null {
  const value: unknown = JSON.parse(result);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}

/** Labels that a result gives its job. Only results that mention them are parsed. */
export function labelsOf(result: string): string[] {
  if (!result.includes('"wm_labels"')) return [];
  const labels = read(result)?.wm_labels;
  return Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : [];
}

/** Whether a handler says that the flow counts as a success. */
export function saysRecover(result: string): boolean {
  return result.includes('"recover"') && read(result)?.recover === true;
}
