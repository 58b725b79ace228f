// Pushes the blueprint workspace into a platform with the official command line, runs its scripts, and judges them.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDatabase } from "./database.mjs";
import { startPlatform } from "./platform.mjs";
import { attempt, trials } from "./trials.mjs";
import { wmillIn } from "./wmill.mjs";

const source = fileURLToPath(new URL("../blueprint", import.meta.url));
const scripts = ["parallel_execution", "memory_limits", "database_stress", "complex_workflow"];

async function succeed(wmill, ...args) {
  const { code, output, complaint } = await wmill(...args);
  if (code !== 0) throw new Error(`wmill ${args.slice(0, 2).join(" ")} ended with code ${code}:\n${output}${complaint}`);
}

/** The workspace's files and the database's address, where the command line can read them. */
function layOut(folder, resource) {
  const workspace = join(folder, "blueprint");
  cpSync(source, workspace, { recursive: true });
  const value = JSON.stringify({ value: resource, resource_type: "postgresql", description: "The example's database" });
  writeFileSync(join(workspace, "u", "clay", "database.resource.json"), value);
  return workspace;
}

async function pushAndRun({ url, token, folder, memoryLimitMb, resource }) {
  mkdirSync(join(folder, "config"));
  const wmill = wmillIn(layOut(folder, resource), join(folder, "config"));
  console.log(`Pushing examples/blueprint to the workspace blueprint of ${url}`);
  await succeed(wmill, "workspace", "add", "blueprint", "blueprint", `${url}/`, "--token", token, "--create");
  for (const name of scripts) await succeed(wmill, "script", "push", `u/clay/${name}.ts`);
  await succeed(wmill, "resource", "push", "u/clay/database.resource.json", "u/clay/database");
  const outcomes = [];
  for (const trial of trials({ memoryLimitMb })) {
    outcomes.push(await attempt(wmill, trial));
    const { ok, script, took, says } = outcomes.at(-1);
    console.log(`${ok ? "ok   " : "WRONG"}  ${script.padEnd(26)} ${`${Math.round(took)} ms`.padStart(8)}  ${says}`);
  }
  return outcomes;
}

async function main() {
  const { TOWERMILL_URL: given, TOWERMILL_TOKEN: token } = process.env;
  if (given && !token) throw new Error("TOWERMILL_URL is set: set TOWERMILL_TOKEN too, to a token that may make workspaces");
  const folder = mkdtempSync(join(tmpdir(), "towermill-example-"));
  const memoryLimitMb = Number(process.env.TOWERMILL_MEMORY_LIMIT_MB ?? (given ? 2048 : 384));
  const started = [];
  const stopAll = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void stopAll().then(() => process.exit(130)));
  try {
    const database = await startDatabase(folder);
    started.push(database);
    const platform = given ? { url: given.replace(/\/$/, ""), token, stop: () => undefined } : await startPlatform({ folder, memoryLimitMb });
    started.push(platform);
    const outcomes = await pushAndRun({ ...platform, folder, memoryLimitMb, resource: database.resource });
    const wrong = outcomes.filter(({ ok }) => !ok).length;
    console.log(wrong === 0 ? "All results are right." : `${wrong} of ${outcomes.length} results are wrong.`);
    process.exitCode = wrong === 0 ? 0 : 1;
  } finally {
    await stopAll();
  }
}

main().catch((error) => {
  console.error(`example: ${error.message}`);
  process.exitCode = 1;
});
