import { hash } from "node:crypto";

export interface ChildKey {
  flowJob: string;
  step: string;
  iteration: number | null;
  attempt: number;
  /** Milliseconds since 1970. */
  at: number;
}

/**
 * The id of a child: a UUIDv7 that follows from where the child stands and when, so that advancing twice gives the same
 * child. Children of one moment sort by their index.
 */
export function childId({ flowJob, step, iteration, attempt, at }: ChildKey): string {
  const digest = digestOf([flowJob, step, iteration, attempt]);
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, Math.trunc(at)), 0, 6);
  bytes.writeUInt16BE(0x7000 | ((iteration ?? 0) & 0x0fff), 6);
  digest.copy(bytes, 8, 0, 8);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A number in [0, 1) that follows from the same key: chance that a replay repeats. */
export function chance(key: Omit<ChildKey, "at">): number {
  return digestOf([key.flowJob, key.step, key.iteration, key.attempt, "chance"]).readUInt32BE(0) / 2 ** 32;
}

function digestOf(key: readonly unknown[]): Buffer {
  return hash("sha256", JSON.stringify(key), "buffer");
}
