import type { Bus } from "@towermill/store";

/**
 * Tells every process what it must look up again. Call these after the transaction has committed: a process that reads
 * before would keep the old row until the next change.
 */

/** @param hashes SHA-256 hashes of tokens */
export function forgetTokens(bus: Bus, hashes: readonly Buffer[]): void {
  if (hashes.length > 0)
    bus.publish(
      "changed",
      hashes.map((hash) => `token:${hash.toString("hex")}`),
    );
}

export function forgetMember(bus: Bus, workspace: string, email: string): void {
  bus.publish("changed", [`member:${workspace}:${email}`]);
}

/** Groups and folders are part of what is kept of a member, so that their change concerns anybody. */
export function forgetEveryMember(bus: Bus): void {
  bus.publish("changed", ["member:*"]);
}

/** A workspace that went, or came under this id: members, tokens, its key and settings. */
export function forgetWorkspace(bus: Bus, id: string): void {
  bus.publish("changed", ["token:*", "member:*", `vault:${id}`, `workspace:${id}`]);
}
