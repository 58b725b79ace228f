import { createHmac, timingSafeEqual } from "node:crypto";
import type { Vault } from "@towermill/vault";

/** What a signed address is good for. */
export interface Signed {
  workspace: string;
  /** The job in front of the gate, or the flow's own. */
  job: string;
  /** 0..2^32-1. */
  resumeId: number;
  /** Signed too, so that nobody can put another name into an address. */
  approver: string | null;
}

/**
 * HMAC-SHA256 under the workspace's key over the job's 16 bytes, the number as 32 bits big-endian and the approver's name,
 * as hex: Windmill's form, so that addresses that were sent out stay good after a move.
 */
export async function signatureOf(vault: Vault, { workspace, job, resumeId, approver }: Signed): Promise<string> {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(resumeId);
  const mac = createHmac("sha256", await vault.key(workspace));
  mac.update(Buffer.from(job.replaceAll("-", ""), "hex")).update(number);
  if (approver !== null) mac.update(approver, "utf8");
  return mac.digest("hex");
}

export async function isSignatureOf(vault: Vault, signed: Signed, signature: string): Promise<boolean> {
  const expected = Buffer.from(await signatureOf(vault, signed), "hex");
  const given = Buffer.from(signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
