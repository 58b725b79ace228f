import { hash } from "node:crypto";
import { randomPiece } from "./random.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Letters and digits without bias; 32 of them hold 190 bits. */
export function randomToken(length = 32): string {
  let token = "";
  while (token.length < length) {
    for (const byte of randomPiece(length * 2)) {
      if (byte < 248 && token.length < length) token += alphabet[byte % 62];
    }
  }
  return token;
}

/** Tokens are random, so one round of SHA-256 is enough to store. */
export function hashToken(token: string): Buffer {
  return hash("sha256", token, "buffer");
}

/**
 * The token of a running job: the job's id, so that its queue row is found without an index of its own, and a secret
 * whose hash lives in that row. It is worth nothing once the row is gone or claimed again.
 */
export function jobToken(jobId: string, secret: string): string {
  return `tmj_${jobId.replaceAll("-", "")}_${secret}`;
}

/** What a token of a job says; `null` when it is not one. */
export function parseJobToken(token: string): { jobId: string; secret: string } | null {
  const match = /^tmj_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([A-Za-z0-9]{32})$/.exec(
    token,
  );
  return match ? { jobId: match.slice(1, 6).join("-"), secret: match[6] ?? "" } : null;
}
