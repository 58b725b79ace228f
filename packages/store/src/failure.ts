/** The SQLSTATE of an error PostgreSQL answered (`23505`…), or the system code of a failed connection (`ECONNREFUSED`…). */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether the error is a violated unique constraint; with `constraint`, of that constraint only. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return errorCode(error) === "23505" && concerns(error, constraint);
}

/** Whether the error is a violated foreign key; with `constraint`, of that constraint only. */
export function isForeignKeyViolation(error: unknown, constraint?: string): boolean {
  return errorCode(error) === "23503" && concerns(error, constraint);
}

/** Whether a value was refused, so that trying again cannot help. (SQLSTATE classes 22, data, and 54, limits.) */
export function isDataError(error: unknown): boolean {
  return /^(22|54)/.test(errorCode(error) ?? "");
}

function concerns(error: unknown, constraint: string | undefined): boolean {
  if (constraint === undefined) return true;
  return typeof error === "object" && error !== null && "constraint" in error && error.constraint === constraint;
}

/** Serialization failure, deadlock or a lock not got in time: the transaction was rolled back and may run again. */
export function isConflict(error: unknown): boolean {
  return ["40001", "40P01", "55P03"].includes(errorCode(error) ?? "");
}

const systemCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
]);
// Texts of pg 8 for connection failures that carry no code.
const lossTexts =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed)/;

/**
 * The connection was lost, refused or given up. The statement, and even a COMMIT, may or may not have happened, so only
 * work that can safely happen twice may be repeated. (SQLSTATE class 08, 57P01–57P03, 53300.)
 */
export function isConnectionLoss(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined)
    return code.startsWith("08") || /^57P0[123]$/.test(code) || code === "53300" || systemCodes.has(code);
  return error instanceof Error && lossTexts.test(error.message);
}

/** Whether the connection that gave this error must not be used again. */
export function breaksConnection(error: unknown): boolean {
  const code = errorCode(error);
  // 0A000 and 26000 are a stale or missing named statement: a new connection parses it anew.
  if (code === "0A000" || code === "26000") return true;
  return isConnectionLoss(error) || code === undefined || !/^[0-9A-Z]{5}$/.test(code);
}
