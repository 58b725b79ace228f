import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { startProcess, testFolder } from "@towermill/testkit";
import { expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { deployScript } from "./support/script.ts";

/** A server whose jobs run on a worker in another process, as on another machine. */
const TOWERMILL_INSTANCE_KEY = randomBytes(32).toString("hex");
const instance = await startInstance({ env: { TOWERMILL_INSTANCE_KEY, WORKER_TAGS: "nobodys", NUM_WORKERS: "1" } });
const worker = await startProcess({
  command: [process.execPath, fileURLToPath(new URL("../packages/towermill/dist/main.js", import.meta.url)), "worker"],
  env: {
    TOWERMILL_INSTANCE_KEY,
    DATABASE_URL: instance.databaseUrl,
    TOWERMILL_DATA: testFolder(),
    BASE_INTERNAL_URL: instance.url,
  },
});
await worker.until(/is ready/, 60_000);

test("a secret that a job reads and prints at once is hidden in the log though its worker is elsewhere", async () => {
  const secret = `canary-${randomBytes(12).toString("hex")}`;
  await instance.text("POST", "/w/admins/variables/create", {
    body: { path: "u/admin/far", value: secret, is_secret: true, description: "" },
  });
  const content = `export async function main() {
    const url = process.env.BASE_INTERNAL_URL + "/api/w/admins/variables/get_value/u/admin/far";
    const answer = await fetch(url, { headers: { authorization: "Bearer " + process.env.WM_TOKEN } });
    console.log("read", await answer.json());
  }`;
  await deployScript(instance, { path: "u/admin/tells", language: "bun", content });
  for (let run = 0; run < 20; run += 1) {
    const id = await instance.text("POST", "/w/admins/jobs/run/p/u/admin/tells", { body: {} });
    await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}`);
    expect(await instance.text("GET", `/w/admins/jobs_u/get_logs/${id}`)).toBe("read ••••••\n");
  }
});
