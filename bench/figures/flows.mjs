// Figures of flows: durable steps beside engines that a user could pick instead, and beside the code alone.
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBun } from "../../packages/runtimes/dist/bun/binary.js";
import { median, oneByOne, requireEqual, rounds, together } from "../measure.mjs";
import { dbos } from "../peers/dbos.mjs";
import { n8n } from "../peers/n8n.mjs";
import { restate } from "../peers/restate.mjs";
import { folder, startPostgres, startTowermill, until } from "../processes.mjs";

const pg = createRequire(new URL("../../packages/store/package.json", import.meta.url))("pg");

const code = {
  bun: "const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));\nexport function main(n: number) { return fib(n) }",
  python3:
    "def main(n: int):\n    def fib(n):\n        return n if n < 2 else fib(n - 1) + fib(n - 2)\n    return fib(n)\n",
};

const step = (id, language, expr) => ({
  id,
  value: {
    type: "rawscript",
    language,
    content: code[language],
    lock: "",
    input_transforms: { n: { type: "javascript", expr } },
  },
});

const loop = ({ count, language = "bun", n, parallel = false }) => ({
  modules: [
    {
      id: "l",
      value: {
        type: "forloopflow",
        iterator: { type: "javascript", expr: `Array.from({ length: ${count} }, () => ${n})` },
        skip_failures: false,
        parallel,
        modules: [step("a", language, "flow_input.iter.value")],
      },
    },
  ],
});

const flows = {
  forty: loop({ count: 40, n: 10 }),
  forty_python: loop({ count: 40, n: 10, language: "python3" }),
  long: loop({ count: 10, n: 33 }),
  fan: loop({ count: 400, n: 10, parallel: true }),
  ten: { modules: Array.from({ length: 10 }, (_, n) => step(`s${n}`, "bun", "1")) },
};

const results = { forty: Array(40).fill(55), forty_python: Array(40).fill(55), long: Array(10).fill(3524578), ten: 1 };

/** An instance with the flows above, each run a few times. */
async function openFlows(env = {}) {
  const postgres = await startPostgres();
  const instance = await startTowermill({ databaseUrl: postgres.url, env });
  for (const [name, value] of Object.entries(flows)) await deployFlow(instance, name, value);
  const run = async (name) => {
    const result = JSON.parse(await instance.api(`/jobs/run_wait_result/f/u/admin/${name}`, { body: {} }));
    if (name in results) requireEqual(result, results[name], `flow ${name}`);
    return result;
  };
  for (const name of ["forty", "forty_python", "ten"]) for (let n = 0; n < 5; n += 1) await run(name);
  return { postgres, instance, run, stop: async () => (await instance.stop(), await postgres.stop()) };
}

async function deployFlow(instance, name, value) {
  const path = `u/admin/${name}`;
  await instance.api("/flows/create", { body: { path, summary: "", value, schema: {} } });
  await until(async () => {
    const { lock_error_logs } = JSON.parse(await instance.api(`/flows/deployment_status/p/${path}`, { method: "GET" }));
    if (lock_error_logs === null || lock_error_logs === undefined) return;
    throw new Error(lock_error_logs);
  });
}

/** Milliseconds of the plain loop inside one process of the same runtime, answers checked. */
async function rawLoop(count, n) {
  const file = join(folder("raw"), "raw.ts");
  writeFileSync(
    file,
    `${code.bun.replace("export ", "")}
const from = performance.now();
const all = Array.from({ length: ${count} }, () => main(${n}));
console.log(JSON.stringify({ ms: performance.now() - from, all }));`,
  );
  const bun = await findBun();
  return () => {
    const { ms, all } = JSON.parse(execFileSync(bun, ["run", file], { encoding: "utf8" }));
    requireEqual(all, Array(count).fill(3524578), "raw loop");
    return ms;
  };
}

/** Flows of steps that follow each other, beside DBOS, Restate and n8n. */
export async function flowSteps(ctx) {
  const { postgres, run, stop } = await openFlows();
  const [times, slowTimes, many] = ctx.quick ? [10, 2, 100] : [20, 3, 300];
  const durable = { forty: { steps: 40, n: 10 } };
  const engines = { dbos: await dbos(durable, postgres.url), restate: await restate(durable) };
  const peer = await n8n({
    forty: {
      steps: 40,
      code: `const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)); return [{ json: { x: fib(10) } }];`,
    },
    ten: { steps: 10, code: "return [{ json: { x: 1 } }];" },
  });
  const launched = await peer.launch();
  const theirs = {
    dbos: async () => requireEqual(JSON.parse(await engines.dbos.call("forty")), 55, "dbos"),
    restate: async () => requireEqual(JSON.parse(await engines.restate.call("forty")), 55, "restate"),
    n8n: async () => requireEqual(JSON.parse(await launched.call("forty")), { x: 55 }, "n8n"),
  };
  const raw = await rawLoop(10, 33);
  for (const call of Object.values(theirs)) await oneByOne(5, call);
  await together(50, 16, () => run("ten"));

  // a round takes each once, so that whatever else the machine does hits all alike
  const taken = { ours: [], python: [], long: [], raw: [], dbos: [], restate: [], n8n: [] };
  for (let n = 0; n < ctx.rounds; n += 1) {
    taken.ours.push((await oneByOne(times, () => run("forty"))).p50);
    for (const [name, call] of Object.entries(theirs)) taken[name].push((await oneByOne(times, call)).p50);
    taken.python.push((await oneByOne(times, () => run("forty_python"))).p50);
    taken.long.push((await oneByOne(slowTimes, () => run("long"))).p50);
    taken.raw.push(median(Array.from({ length: slowTimes }, raw)));
  }
  const ten = await rounds(ctx.rounds, async () => (await together(many, 16, () => run("ten"))).perSecond);
  const theirTen = await rounds(
    ctx.rounds,
    async () =>
      (
        await together(Math.ceil(many / 5), 16, async () =>
          requireEqual(JSON.parse(await launched.call("ten")), { x: 1 }, "n8n"),
        )
      ).perSecond,
  );
  await launched.stop();
  await engines.dbos.stop();
  await engines.restate.stop();
  await stop();

  const middle = Object.fromEntries(Object.entries(taken).map(([name, values]) => [name, median(values)]));
  const beside = (id, title, our, their, must, aim) => ({
    id,
    title,
    value: our / their,
    must,
    aim,
    better: "lower",
    detail: `${our.toFixed(1)} ms ÷ ${their.toFixed(1)} ms`,
  });
  const forty = "flow of 40 × fib(10), TypeScript, durable per step ÷";
  return [
    beside("flow-dbos", `${forty} DBOS`, middle.ours, middle.dbos, 0.8, 0.4),
    beside("flow-n8n", `${forty} n8n (not durable per step)`, middle.ours, middle.n8n, 0.4, 0.2),
    beside("flow-restate", `${forty} Restate`, middle.ours, middle.restate, 1.2, 0.7),
    beside("flow-python", "the same in Python, a process per step ÷ n8n", middle.python, middle.n8n, 1, 0.7),
    beside("flow-long", "flow of 10 × fib(33) ÷ the loop alone in one bun", middle.long, middle.raw, 1.15, 1.05),
    {
      id: "flow-ten",
      title: "flow of 10 no-op steps through run_wait_result, 16 callers, flows/s ÷ n8n",
      value: ten / theirTen,
      must: 3,
      aim: 8,
      better: "higher",
      detail: `${ten.toFixed(1)}/s ÷ ${theirTen.toFixed(1)}/s`,
    },
  ];
}

/** A parallel loop beside its jobs run by themselves, and what a long sequential loop costs at its end. */
export async function flowLoops(ctx) {
  const { postgres, instance, run, stop } = await openFlows({ NUM_WORKERS: "4" });
  await instance.deploy("u/admin/fib", "bun", code.bun);
  const single = async () => requireEqual(await instance.run("u/admin/fib", { n: 10 }), 55, "fib");
  const fan = async () => requireEqual(await run("fan"), Array(400).fill(55), "parallel loop");
  await together(100, 16, single);
  await fan();
  const [inLoop, alone] = [[], []];
  for (let n = 0; n < ctx.rounds; n += 1) {
    inLoop.push((await oneByOne(3, fan)).p50);
    alone.push((await oneByOne(3, () => together(400, 16, single))).p50);
  }
  const length = ctx.quick ? 1000 : 5000;
  await deployFlow(instance, "sequence", loop({ count: length, n: 1 }));
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const paces = [];
  for (let n = 0; n < ctx.rounds; n += 1) paces.push(await paceOfLoop({ instance, client, length }));
  await client.end();
  await stop();
  const [early, late] = [median(paces.map(([first]) => first)), median(paces.map(([, last]) => last))];
  return [
    {
      id: "flow-fan",
      title: "400 × fib(10) in a parallel loop, 4 slots ÷ the same 400 jobs run singly by 16 callers",
      value: median(inLoop) / median(alone),
      must: 1.3,
      aim: 1.05,
      better: "lower",
      detail: `${median(inLoop).toFixed(0)} ms ÷ ${median(alone).toFixed(0)} ms`,
    },
    {
      id: "flow-growth",
      title: `cost of an iteration around ${length.toLocaleString("en")} ÷ around 50 of one sequential loop`,
      value: median(paces.map(([first, last]) => last / first)),
      must: 1.2,
      aim: 1.05,
      better: "lower",
      detail: `${late.toFixed(2)} ms ÷ ${early.toFixed(2)} ms`,
    },
  ];
}

/** Runs the long loop. @returns milliseconds from one iteration's start to the next: medians of 100 around 50 and at the end */
async function paceOfLoop({ instance, client, length }) {
  const id = await instance.api("/jobs/run/f/u/admin/sequence", { body: {} });
  const { completed, result } = await until(async () => {
    const answer = JSON.parse(await instance.api(`/jobs_u/completed/get_result_maybe/${id}`, { method: "GET" }));
    if (!answer.completed) throw new Error("the loop is not over");
    return answer;
  });
  requireEqual([completed, result], [true, Array(length).fill(1)], "long loop");
  const { rows } = await client.query(
    `select extract(epoch from d.started_at - lag(d.started_at) over (order by c.iteration))::float8 * 1000 as ms
      from flow_child c join job_done d on d.id = c.job where c.flow_job = $1 order by c.iteration`,
    [id],
  );
  const gaps = rows.map(({ ms }) => ms);
  return [median(gaps.slice(1, 101)), median(gaps.slice(-100))];
}
