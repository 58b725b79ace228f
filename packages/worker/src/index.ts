export { createCode, type Code } from "./code.ts";
export { startWorker, type RunningWorker, type WorkerOptions } from "./worker.ts";
