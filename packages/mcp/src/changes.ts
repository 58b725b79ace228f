import type { Bus } from "@towermill/store";

/** Somebody who wants to know that what they see may have changed. */
export interface Listener {
  principal: string;
  email: string;
  /** `null` = any workspace. */
  workspace: string | null;
  /** The list of tools may be another now. */
  changed(): void;
  /** The token may have ended or lost rights: look again. */
  recheck(): void;
}

export interface Changes {
  /** @returns ends it */
  listen(listener: Listener): () => void;
  close(): void;
}

/** What changes the list of tools of a workspace. */
const kinds = new Set(["script", "flow", "app", "resource", "favorite", "mcp"]);
const settleMs = 50;

/**
 * Turns the platform's notifications into those of the protocol: within a moment, in every process, and only to those
 * whom the change concerns.
 */
export function createChanges({ bus, forget }: { bus: Bus; forget(workspace: string): void }): Changes {
  const listeners = new Set<Listener>();
  const due = new Map<Listener, NodeJS.Timeout>();
  const tellLater = (listener: Listener): void => {
    if (due.has(listener)) return;
    const timer = setTimeout(() => {
      due.delete(listener);
      listener.changed();
    }, settleMs);
    due.set(listener, timer);
  };
  const hear = (id: string): void => {
    const [kind = "", first = "", ...rest] = id.split(":");
    if (kinds.has(kind)) {
      forget(first);
      for (const each of listeners) if (each.workspace === null || each.workspace === first) tellLater(each);
    }
    if (kind === "member") {
      for (const each of listeners) {
        if (first !== "*" && rest.join(":") !== each.email) continue;
        each.recheck();
        tellLater(each);
      }
    }
    if (kind === "token") for (const each of listeners) if (first === "*" || first === each.principal) each.recheck();
  };
  const stops = [
    bus.subscribe("changed", (ids) => ids.forEach(hear)),
    bus.onResync(() => {
      for (const each of listeners) {
        each.recheck();
        tellLater(each);
      }
    }),
  ];
  return {
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        clearTimeout(due.get(listener));
        due.delete(listener);
      };
    },
    close() {
      for (const stop of stops) stop();
      for (const timer of due.values()) clearTimeout(timer);
    },
  };
}
