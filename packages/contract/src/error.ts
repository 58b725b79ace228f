/**
 * Every error the API answers is born here: a stable code, its HTTP status, a sentence that says what happened and
 * where, and a hint that says what to do. The edge answers them as Windmill's plain text, or as problem+json.
 */
const registry = {
  bad_request: { status: 400, hint: "Correct the named field and send the request again." },
  bad_json: { status: 400, hint: "Send valid JSON with Content-Type: application/json." },
  invalid_path: { status: 400, hint: "Paths look like u/{user}/name or f/{folder}/name." },
  unknown_language: { status: 400, hint: "See the language list in the documentation." },
  unknown_tag: { status: 400, hint: "Use a tag that a worker serves, or ask an admin to add it as a custom tag." },
  already_exists: { status: 400, hint: "Choose another name, or update the existing item." },
  parent_conflict: { status: 400, hint: "Fetch the newest version, merge, and deploy with its hash as parent_hash." },
  unauthorized: { status: 401, hint: "Send a valid token as Authorization: Bearer, cookie or ?token=." },
  login_failed: { status: 400, hint: "Check the email address and the password." },
  forbidden: { status: 403, hint: "Ask an admin of the workspace for the right." },
  missing_scope: { status: 403, hint: "Use a token that has this scope." },
  not_found: { status: 404, hint: "Check the path or id, and that the token may see it." },
  conflict: { status: 409, hint: "Fetch the newest state and try again." },
  too_large: { status: 413, hint: "Send less, or keep large data in storage and pass a reference." },
  unprocessable: { status: 422, hint: "The job ran and failed; the answer holds its error." },
  too_many: { status: 429, hint: "Wait and try again." },
  internal: { status: 500, hint: "The server log holds the details under this request id." },
  not_built: { status: 501, hint: "This operation of Windmill's API is not part of this version." },
  unavailable: { status: 503, hint: "The database cannot be reached; try again shortly." },
  timeout: { status: 504, hint: "The job goes on; ask for its result by id." },
} as const;

export type ErrorCode = keyof typeof registry;

/** An expected error: it reaches the caller as it is. Anything else that is thrown is a bug and becomes `internal`. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly hint: string;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = registry[code].status;
    this.hint = registry[code].hint;
  }
}

/** `not_found` for one item, in the one wording used everywhere; a forbidden item answers alike. */
export function notFound(kind: string, name: string): ApiError {
  return new ApiError("not_found", `${kind} not found at name ${name}`);
}

/** The registry as a table for the documentation. */
export const errorTable: readonly { code: ErrorCode; status: number; hint: string }[] = (
  Object.keys(registry) as ErrorCode[]
).map((code) => ({ code, ...registry[code] }));
