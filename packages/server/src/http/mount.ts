import type { OperationSpec } from "@towermill/contract";
import type { Handlers } from "./call.ts";
import type { AnyHandler, Route } from "./app.ts";

/** Pairs each operation of a group with its handler; the types make sure that none is missing. */
export function mount<const T extends readonly OperationSpec[]>(operations: T, handlers: Handlers<T>): Route[] {
  return operations.map((op) => ({
    operation: op,
    handle: (handlers as unknown as Record<string, AnyHandler>)[op.id] as AnyHandler,
  }));
}
