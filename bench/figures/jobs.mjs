// Figures of single jobs: throughput and latency beside the floor and the peers, in the same run.
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBun } from "../../packages/runtimes/dist/bun/binary.js";
import { startFloor } from "../floor.mjs";
import { byTurns, oneByOne, requireEqual, rounds, together } from "../measure.mjs";
import { graphileWorker } from "../peers/graphile.mjs";
import { folder, request, startPostgres, startTowermill } from "../processes.mjs";

export const scripts = {
  typescript: [
    "u/admin/ts",
    "bun",
    "export function main(name: string, n: number) { return { hello: name, n: n + 1 } }",
  ],
  fresh: [
    "u/admin/fresh",
    "bun",
    "// fresh\nexport function main(name: string, n: number) { return { hello: name, n: n + 1 } }",
  ],
  python: ["u/admin/py", "python3", 'def main(name: str, n: int):\n    return {"hello": name, "n": n + 1}\n'],
  bash: ["u/admin/sh", "bash", 'name="$1"\necho "hello $name"\n'],
};
const args = { name: "x", n: 1 };
const right = { hello: "x", n: 2 };

/** An instance with the scripts above, each run a few times. */
async function warmInstance(ctx, env = {}) {
  const postgres = await startPostgres();
  const instance = await startTowermill({ databaseUrl: postgres.url, env });
  for (const script of Object.values(scripts)) await instance.deploy(...script);
  for (const [path] of Object.values(scripts)) for (let n = 0; n < 10; n += 1) await instance.run(path, args);
  requireEqual(await instance.run(scripts.typescript[0], args), right, "typescript");
  requireEqual(await instance.run(scripts.python[0], args), right, "python");
  requireEqual(await instance.run(scripts.bash[0], args), "hello x", "bash");
  return { postgres, instance, stop: async () => (await instance.stop(), await postgres.stop()) };
}

/** Start and end of a program whose output is read, from this small process. */
const spawnOnce = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });

function coldFiles() {
  const place = folder("cold");
  const [, , typescript] = scripts.typescript;
  const [, , python] = scripts.python;
  writeFileSync(join(place, "script.ts"), typescript);
  writeFileSync(
    join(place, "cold.mjs"),
    `const m = await import(${JSON.stringify(join(place, "script.ts"))}); process.stdout.write(JSON.stringify(m.main("x", 1)));`,
  );
  writeFileSync(join(place, "cold.py"), `${python}\nimport json, sys\nsys.stdout.write(json.dumps(main("x", 1)))\n`);
  writeFileSync(join(place, "script.sh"), scripts.bash[2]);
  return place;
}

export async function noops(ctx) {
  const { postgres, instance, stop } = await warmInstance(ctx);
  const graphile = await graphileWorker(postgres.url);
  const count = ctx.quick ? 1000 : 3000;
  const identity = { kind: "identity", content: "", language: "bun", args };
  const noop = async () =>
    requireEqual(JSON.parse(await instance.api("/jobs/run_wait_result/preview", { body: identity })), args, "identity");
  await together(300, 16, noop);
  const ours = await rounds(ctx.rounds, async () => (await together(count, 16, noop)).perSecond);
  const theirs = await rounds(ctx.rounds, () => graphile.addAndProcess(count));
  await graphile.stop();
  await stop();
  return [
    {
      id: "noop",
      title: "no-op jobs/s through HTTP, 16 callers ÷ graphile-worker add and process",
      value: ours / theirs,
      must: 1.5,
      aim: 2.5,
      better: "higher",
      detail: `${ours.toFixed(0)}/s ÷ ${theirs.toFixed(0)}/s`,
    },
  ];
}

export async function warm(ctx) {
  const { postgres, instance, stop } = await warmInstance(ctx);
  const [path] = scripts.typescript;
  const floor = await startFloor(postgres.url);
  const floorCall = () => request(floor.url, { body: ["x", 1] });
  const call = () => instance.run(path, args);
  const count = ctx.quick ? 200 : 500;
  // warm means warm: both have compiled what they use, and take turns in short blocks, so that what else the machine does hits both
  for (const warmUp of [call, floorCall]) {
    await oneByOne(count, warmUp);
    await together(count * 4, 16, warmUp);
  }
  const pairs = [];
  for (let n = 0; n < ctx.rounds; n += 1) {
    const [ours, least] = await byTurns(count, 100, [call, floorCall]);
    pairs.push([ours, least, await together(count * 4, 16, call), await together(count * 4, 16, floorCall)]);
  }
  pairs.sort((a, b) => a[0].p50 / a[1].p50 - b[0].p50 / b[1].p50);
  const [ours, least, many, leastMany] = pairs[Math.floor(pairs.length / 2)];
  await floor.stop();
  const rows = [
    {
      id: "warm-ts",
      title: "warm TypeScript run_wait_result, back to back p50 ÷ floor",
      value: ours.p50 / least.p50,
      must: 2,
      aim: 1.4,
      better: "lower",
      detail: `${ours.p50.toFixed(2)} ms (p99 ${ours.p99.toFixed(1)}) ÷ ${least.p50.toFixed(2)} ms`,
    },
    {
      id: "warm-ts-16",
      title: "the same, 16 callers, jobs/s ÷ floor",
      value: many.perSecond / leastMany.perSecond,
      better: "higher",
      detail: `${many.perSecond.toFixed(0)}/s (p50 ${many.p50.toFixed(1)}, p99 ${many.p99.toFixed(1)} ms) ÷ ${leastMany.perSecond.toFixed(0)}/s`,
    },
  ];
  await stop();
  return rows;
}

export async function languages(ctx) {
  const { instance, stop } = await warmInstance(ctx);
  const place = coldFiles();
  const count = ctx.quick ? 40 : 150;
  const bun = await findBun();
  const coldBun = () => spawnOnce(bun, ["run", join(place, "cold.mjs")]);
  // the interpreter itself, not a version manager's shim in front of it
  const interpreter = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
  const coldPython = () => spawnOnce(interpreter, [join(place, "cold.py")]);
  const spawnBash = () => spawnOnce("/bin/bash", ["--norc", "--noprofile", join(place, "script.sh"), "x"]);
  requireEqual(JSON.parse(await coldBun()), right, "cold bun");
  requireEqual(JSON.parse(await coldPython()), right, "cold python");
  const middle = async (calls, pause = 0) =>
    rounds(ctx.rounds, async () => {
      const times = [];
      for (let n = 0; n < count; n += 1) {
        const { p50 } = await oneByOne(1, calls);
        times.push(p50);
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      }
      return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
    });
  const many = (calls) => rounds(ctx.rounds, async () => (await together(count * 2, 16, calls)).perSecond);
  const run = (key) => () => instance.run(scripts[key][0], args);
  // a fresh process is bought with CPU after the answer: its latency is taken with the time a blank runner needs between
  const [fresh, bunCold] = [await middle(run("fresh"), 25), await middle(coldBun, 25)];
  const [python, pythonCold] = [await middle(run("python")), await middle(coldPython)];
  const [pythonMany, pythonColdMany] = [await many(run("python")), await many(coldPython)];
  const [bash, bashBare] = [await middle(run("bash")), await middle(spawnBash)];
  const bashMany = await many(run("bash"));
  const freshMany = await many(run("fresh"));
  await stop();
  return [
    {
      id: "fresh-ts",
      title: "`// fresh` TypeScript p50 ÷ cold bun start of the same script",
      value: fresh / bunCold,
      must: 0.4,
      aim: 0.25,
      better: "lower",
      detail: `${fresh.toFixed(2)} ms (${freshMany.toFixed(0)}/s with 16 callers) ÷ ${bunCold.toFixed(2)} ms`,
    },
    {
      id: "python",
      title: "Python (fork per job) p50 ÷ python3 cold start",
      value: python / pythonCold,
      must: 0.35,
      aim: 0.2,
      better: "lower",
      detail: `${python.toFixed(2)} ms ÷ ${pythonCold.toFixed(2)} ms`,
    },
    {
      id: "python-16",
      title: "the same, 16 callers, jobs/s ÷ cold",
      value: pythonMany / pythonColdMany,
      must: 3,
      aim: 6,
      better: "higher",
      detail: `${pythonMany.toFixed(0)}/s ÷ ${pythonColdMany.toFixed(0)}/s`,
    },
    {
      id: "bash",
      title: "bash p50 ÷ bare spawn from a small Node",
      value: bash / bashBare,
      must: 2,
      aim: 1,
      better: "lower",
      detail: `${bash.toFixed(2)} ms (${bashMany.toFixed(0)}/s with 16 callers) ÷ ${bashBare.toFixed(2)} ms`,
    },
  ];
}
