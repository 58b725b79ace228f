import type { Changes } from "../changes.ts";
import type { Host } from "../host.ts";
import type { Entry } from "./entry.ts";

/** Without a notification, an ended token ends its streams within this time. */
const recheckMs = 5000;

export interface Watched {
  /** What the caller sees may have changed. */
  changed(): void;
  /** The token has ended, or its owner left. */
  end(): void;
}

/** Tells a stream what concerns its caller, and when it has to end. @returns stops watching */
export function watchCaller(
  { host, changes }: { host: Host; changes: Changes },
  { session, token }: Entry,
  { changed, end }: Watched,
): () => void {
  const { principal, workspace } = session;
  const recheck = async (): Promise<void> => {
    const again = await host.authenticate(token.text);
    const member = again && workspace !== null ? await host.memberOf(again, workspace) : null;
    if (!again || (workspace !== null && !member)) end();
  };
  // A database that is away is no reason to end streams.
  const quietly = (): void => void recheck().catch(() => undefined);
  const { id, email } = principal;
  const stop = changes.listen({ principal: id, email, workspace, changed, recheck: quietly });
  const timer = setInterval(quietly, recheckMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    stop();
  };
}
