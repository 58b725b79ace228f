import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testFolder } from "@towermill/testkit";
import { expect, test } from "vitest";
import { complaintsSince, logPosition } from "./server-log.ts";

test("complaints are those since the start, the fatal ones if there are any", () => {
  const cluster = testFolder();
  const log = join(cluster, "log", "postgresql-Mon.log");
  const routine = "12:00 [1]  LOG:  checkpoint starting\n12:00 [2] app FATAL:  the database system is starting up\n";
  expect(complaintsSince(cluster, logPosition(cluster))).toBe("");
  mkdirSync(join(cluster, "log"));
  writeFileSync(log, "11:00 [1]  PANIC:  of long ago\n");
  const start = logPosition(cluster);
  expect(complaintsSince(cluster, start)).toBe("");
  writeFileSync(log, `${routine}12:00 [1]  ERROR:  something\n`, { flag: "a" });
  expect(complaintsSince(cluster, start)).toBe("12:00 [1]  ERROR:  something");
  writeFileSync(log, `${"x".repeat(10_000)}\n12:01 [1]  PANIC:  the end\n`, { flag: "a" });
  expect(complaintsSince(cluster, start)).toBe("12:01 [1]  PANIC:  the end");
});
