/** An error as users see it in a result: `{ name, message, stack, extra? }`, the shape Windmill's clients know. */
export function describeError(error: unknown, guestFile: string): Record<string, unknown> {
  const step = process.env["WM_FLOW_STEP_ID"];
  const described = error instanceof Error ? describeReal(error, guestFile) : describeThrown(error);
  return step === undefined || step === "" ? described : { ...described, step_id: step };
}

function describeReal(error: Error, guestFile: string): Record<string, unknown> {
  const extra: Record<string, unknown> = {};
  for (const name of Object.keys(error)) {
    if (name === "stack" || name === "message" || name === "name") continue;
    const value: unknown = Reflect.get(error, name);
    if (isPlain(value)) extra[name] = value;
  }
  const stack = String(error.stack ?? "")
    .split("\n")
    .filter((line) => !line.includes(guestFile))
    .join("\n");
  const described = { name: String(error.name || "Error"), message: String(error.message), stack };
  return Object.keys(extra).length === 0 ? described : { ...described, extra };
}

function describeThrown(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return { name: "Error", message: String(value) };
  const { name, message } = value as { name?: unknown; message?: unknown };
  return {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : (textOf(value) ?? "main threw an object that is not an error."),
    ...(isPlain(value) ? { extra: value } : {}),
  };
}

function isPlain(value: unknown): boolean {
  return textOf(value) !== undefined;
}

function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
