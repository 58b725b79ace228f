import type { Bus } from "@towermill/store";

/**
 * Clients of the 2025 revisions cancel with a message of its own. Requests are served without a session, so the session
 * id given out at `initialize` serves for nothing but to find the request that is meant, in whichever process it runs.
 */
export interface Cancellations {
  signal(session: string, requestId: string | number): AbortSignal;
  done(session: string, requestId: string | number): void;
  cancel(session: string, requestId: string | number): void;
  close(): void;
}

const topic = "mcp-cancel";
/** A request that is refused before it runs never says that it is done: the oldest make room. */
const mostRunning = 20_000;

function keyOf(session: string, requestId: string | number): string {
  return `${session} ${typeof requestId} ${requestId}`;
}

export function createCancellations(bus: Bus): Cancellations {
  const running = new Map<string, AbortController>();
  const stop = bus.subscribe(topic, (keys) => {
    for (const key of keys) running.get(key)?.abort();
  });
  return {
    signal(session, requestId) {
      const controller = new AbortController();
      running.set(keyOf(session, requestId), controller);
      if (running.size > mostRunning) running.delete(running.keys().next().value ?? "");
      return controller.signal;
    },
    done: (session, requestId) => void running.delete(keyOf(session, requestId)),
    cancel: (session, requestId) => bus.publish(topic, [keyOf(session, requestId).slice(0, 300)]),
    close: stop,
  };
}
