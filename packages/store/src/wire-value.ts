/**
 * A value as a parameter travels to PostgreSQL: text, bytes for `bytea`, or `null`. Arrays become array literals, other
 * objects their JSON text, as {@link sql} promises.
 */
export function wireValue(value: unknown): string | Buffer | null {
  switch (typeof value) {
    case "string":
      return value;
    case "undefined":
      return null;
    case "object":
      break;
    default:
      return String(value);
  }
  if (value === null) return null;
  if (Array.isArray(value)) return arrayLiteral(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return JSON.stringify(value);
}

/** PostgreSQL's text form of arrays (manual, "Array Input and Output Syntax"). */
export function arrayLiteral(items: readonly unknown[]): string {
  return `{${items.map(elementOf).join(",")}}`;
}

function elementOf(item: unknown): string {
  if (Array.isArray(item)) return arrayLiteral(item);
  const value = wireValue(item);
  if (value === null) return "NULL";
  if (typeof value !== "string") return `"\\\\x${value.toString("hex")}"`;
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}
