import { randomFillSync } from "node:crypto";

// One call into the system for hundreds of ids and tokens: a call costs as much as a small query's parsing.
const pool = Buffer.alloc(16_384);
let used = pool.length;

/** Random bytes nobody else gets; valid until they are copied or read, at once. @param length at most 1,024 */
export function randomPiece(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += length;
  return pool.subarray(used - length, used);
}
