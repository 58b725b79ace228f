export { whenDone } from "./cleanup.ts";
export { testClock } from "./clock.ts";
export type { TestClock } from "./clock.ts";
export { testDatabase } from "./database.ts";
export type { TestDatabase } from "./database.ts";
export { testFolder } from "./folder.ts";
export { startProcess } from "./process.ts";
export type { ProcessEnd, ProcessOptions, TestProcess } from "./process.ts";
