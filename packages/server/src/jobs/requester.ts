import type { Requester } from "@towermill/runnable";
import type { Caller } from "../identity/caller.ts";

/** Where the job came from: the browser, a webhook's narrowed token, or (`null`) a person's or a job's token. */
function triggerKind(caller: Caller): string | null {
  if (caller.kind !== "account") return null;
  if (caller.via === "mcp") return "mcp";
  if (caller.byCookie) return "ui";
  return caller.scopes === null ? null : "webhook";
}

/** A caller of the API as whoever asks for a job. */
export function requesterOf(caller: Caller): Requester {
  const isSuperAdmin = caller.kind === "account" && caller.account.superAdmin;
  return {
    scopes: caller.kind === "account" ? caller.scopes : null,
    triggerKind: triggerKind(caller),
    tags: isSuperAdmin ? "any" : "known",
  };
}
