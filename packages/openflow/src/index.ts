export type * from "./flow-value.ts";
export type * from "./status.ts";
export type * from "./event.ts";
export type * from "./effect.ts";
export type { FlowRun, Transition } from "./advance.ts";
