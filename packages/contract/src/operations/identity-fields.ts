import { z } from "zod";

/** Fields that accounts, workspaces, groups and folders share. */

/** One line of text: PostgreSQL stores neither NUL nor lone surrogates, and names with line breaks only deceive. */
export const line = (maximum: number): z.ZodString =>
  z
    .string()
    .max(maximum)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "holds control characters");

export const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .regex(/^[^\s@,:/\\\p{Cc}\p{Cs}]+@[^\s@,:/\\\p{Cc}\p{Cs}]+$/u, "is not an email address");

export const username = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,49}$/,
    "is not a username: 1 to 50 letters, digits, _ . or -, the first a letter or digit",
  );

export const workspaceId = z
  .string()
  .max(50)
  .regex(/^\w+(-\w+)*$/, "is not a workspace id: letters, digits and _, with single - between");

/** Name of a group or folder. */
export const shortName = z.string().regex(/^[\w-]{1,50}$/, "is not a name: 1 to 50 letters, digits, _ or -");

/** `u/{username}` or `g/{group}`. */
export const principal = z
  .string()
  .max(260)
  .regex(/^[ug]\/[\w.@+-]+$/, "is no owner, expected u/{username} or g/{group}");

export const password = z.string().min(1).max(512);

export const perms = z.record(principal, z.boolean());

export const labels = z.array(line(200)).max(100);

function storable(value: unknown): boolean {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "string" && /[\0\p{Cs}]/u.test(next)) return false;
    if (typeof next === "object" && next !== null) {
      for (const [key, member] of Object.entries(next)) left.push(key, member);
    }
  }
  return true;
}

/** Any JSON that a `jsonb` column can keep. */
export const anyJson = z
  .unknown()
  .refine(storable, "holds a NUL character or half a surrogate pair, which cannot be stored");

/** A JSON object that a `jsonb` column can keep, whatever it holds. */
export const jsonRecord = z
  .record(z.string(), z.unknown())
  .refine(storable, "holds a NUL character or half a surrogate pair, which cannot be stored");

export const operatorSettings = z.record(line(100), z.boolean()).nullable();
