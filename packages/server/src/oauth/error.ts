/** A refusal in the words of RFC 6749 and 7591. */
export class OAuthRefusal extends Error {
  readonly error: string;
  readonly status: number;

  constructor(error: string, message: string, status = 400) {
    super(message);
    this.name = "OAuthRefusal";
    this.error = error;
    this.status = status;
  }
}

export function json(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: { "cache-control": "no-store", pragma: "no-cache" } });
}

export function refusalAnswer({ error, message, status }: OAuthRefusal): Response {
  return json({ error, error_description: message }, status);
}
