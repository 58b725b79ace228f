import { parentPort, workerData } from "node:worker_threads";
import { pingWorker, registerWorker, removeWorker, type Heartbeat } from "@towermill/queue";
import { openPool } from "@towermill/store";
import type { HeartbeatOptions } from "./heartbeat.ts";

const { databaseUrl, registration, intervalMs } = workerData as HeartbeatOptions;
const db = openPool({
  url: databaseUrl,
  max: 1,
  applicationName: "towermill heartbeat",
  statementTimeoutMs: 5000,
  connectTimeoutMs: 3000,
});

let figures: Omit<Heartbeat, "name"> = { jobsExecuted: 0, lastJob: null, occupancy: {}, memoryUsage: 0 };

async function beat(): Promise<void> {
  try {
    if (!(await pingWorker(db, { name: registration.name, ...figures }))) await registerWorker(db, registration);
  } catch {
    // the database is away; the next beat tries again
  }
}

await registerWorker(db, registration);
const timer = setInterval(() => void beat(), intervalMs);
parentPort?.postMessage("registered");
parentPort?.on("message", (message: { figures?: Omit<Heartbeat, "name">; stop?: true }) => {
  if (message.figures) figures = message.figures;
  if (message.stop) void stop();
});

async function stop(): Promise<void> {
  clearInterval(timer);
  await removeWorker(db, registration.name).catch(() => undefined);
  await db.close();
  parentPort?.close();
}
