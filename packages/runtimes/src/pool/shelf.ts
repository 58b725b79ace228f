import type { Slot } from "./slot.ts";

/** Idle runners, each kept for the domain it has served. */
export interface Shelf {
  put(domain: string, slot: Slot): void;
  /** The one of a domain that was used last, so that the others can grow old. */
  take(domain: string): Slot | undefined;
  /** Takes away the one that has been idle longest. */
  takeOldest(): Slot | undefined;
  /** Takes away those for which `gone` holds. */
  takeWhere(gone: (slot: Slot) => boolean): Slot[];
  count(): number;
}

export function createShelf(): Shelf {
  const kept = new Map<string, Slot[]>();
  const takeWhere = (gone: (slot: Slot) => boolean): Slot[] => {
    const taken: Slot[] = [];
    for (const [domain, slots] of kept) {
      const staying = slots.filter((slot) => !gone(slot));
      if (staying.length === slots.length) continue;
      taken.push(...slots.filter((slot) => !staying.includes(slot)));
      if (staying.length === 0) kept.delete(domain);
      else kept.set(domain, staying);
    }
    return taken;
  };
  return {
    put(domain, slot) {
      const slots = kept.get(domain);
      if (slots === undefined) kept.set(domain, [slot]);
      else slots.push(slot);
    },
    take(domain) {
      const slots = kept.get(domain);
      const slot = slots?.pop();
      if (slots?.length === 0) kept.delete(domain);
      return slot;
    },
    takeOldest() {
      let oldest: Slot | undefined;
      for (const [first] of kept.values()) {
        if (first !== undefined && (oldest === undefined || first.idleSince < oldest.idleSince)) oldest = first;
      }
      return takeWhere((slot) => slot === oldest)[0];
    },
    takeWhere,
    count() {
      let total = 0;
      for (const slots of kept.values()) total += slots.length;
      return total;
    },
  };
}
