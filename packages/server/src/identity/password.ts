import { randomBytes } from "node:crypto";
import { ApiError } from "@towermill/contract";
import { hash, verify } from "@node-rs/argon2";

/** OWASP's floor for argon2id (which is the library's default kind). */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const currentForm = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`;

// Hashing takes a core and 19 MiB for tens of milliseconds; more at once would starve everything else of the process.
const atOnce = 2;
const mostWaiting = 64;
const waiting: (() => void)[] = [];
let running = 0;

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnce) {
    if (waiting.length >= mostWaiting) throw new ApiError("too_many", "Too many logins at the same time");
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** Shortest password that somebody may choose. */
export const shortestPassword = 8;

/** @throws ApiError `bad_request` */
export function requireGoodPassword(password: string): void {
  if (password.length < shortestPassword) {
    throw new ApiError("bad_request", `The password is too short: at least ${shortestPassword} characters`);
  }
}

export function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(password, cost));
}

let dummy: Promise<string> | undefined;

/** Takes as long without a hash (`null`, an unknown account) as with one, so that the time tells nothing. */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const against = stored ?? (await (dummy ??= hash(randomBytes(16).toString("hex"), cost)));
  const matches = await inTurn(() => verify(against, password).catch(() => false));
  return matches && stored !== null;
}

/** Whether a hash was made with other costs than today's and is worth making again at the next login. */
export function needsRehash(stored: string): boolean {
  return !stored.startsWith(currentForm);
}
