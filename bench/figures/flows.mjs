// Figures of flows: durable steps beside engines that a user could pick instead, and beside the code alone.
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBun } from "../../packages/runtimes/dist/bun/binary.js";
import { median, oneByOne, requireEqual, together } from "../measure.mjs";
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

/** The engines beside us with the same work, each answer checked. `ten` is n8n's flow of ten steps. */
async function openPeers(databaseUrl) {
  const durable = { forty: { steps: 40, n: 10 } };
  const engines = [await dbos(durable, databaseUrl), await restate(durable)];
  const peer = await n8n({
    forty: {
      steps: 40,
      code: "const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2)); return [{ json: { x: fib(10) } }];",
    },
    ten: { steps: 10, code: "return [{ json: { x: 1 } }];" },
  });
  const launched = await peer.launch();
  engines.push(launched);
  const checked = (name, call, right) => async () => requireEqual(JSON.parse(await call()), right, name);
  return {
    forty: {
      dbos: checked("dbos", () => engines[0].call("forty"), 55),
      restate: checked("restate", () => engines[1].call("forty"), 55),
      n8n: checked("n8n", () => launched.call("forty"), { x: 55 }),
    },
    ten: checked("n8n", () => launched.call("ten"), { x: 1 }),
    stop: () => Promise.all(engines.map((engine) => engine.stop())),
  };
}

/** Flows of steps that follow each other, beside DBOS, Restate and n8n. */
export async function flowSteps(ctx) {
  const { postgres, run, stop } = await openFlows();
  const peers = await openPeers(postgres.url);
  const [times, slowTimes, many] = ctx.quick ? [10, 2, 100] : [20, 3, 300];
  const raw = await rawLoop(10, 33);
  const sequences = { ours: () => run("forty"), python: () => run("forty_python"), ...peers.forty };
  // servers run for days: all have compiled what they use before anything is measured
  for (const call of Object.values(sequences)) await oneByOne(ctx.quick ? 5 : 40, call);
  await together(50, 16, () => run("ten"));

  // a round takes each once, so that whatever else the machine does hits all alike
  const taken = [];
  for (let n = 0; n < ctx.rounds; n += 1) {
    const round = {};
    for (const [name, call] of Object.entries(sequences)) round[name] = (await oneByOne(times, call)).p50;
    round.long = (await oneByOne(slowTimes, () => run("long"))).p50;
    round.raw = median(Array.from({ length: slowTimes }, raw));
    round.ten = (await together(many, 16, () => run("ten"))).perSecond;
    round.theirTen = (await together(Math.ceil(many / 5), 16, peers.ten)).perSecond;
    taken.push(round);
  }
  await peers.stop();
  await stop();

  const middle = (name) => median(taken.map((round) => round[name]));
  const beside = (our, their, rest) => ({
    value: middle(our) / middle(their),
    better: "lower",
    detail: `${middle(our).toFixed(1)} ms ÷ ${middle(their).toFixed(1)} ms`,
    ...rest,
  });
  const forty = "flow of 40 × fib(10), TypeScript, durable per step ÷";
  return [
    beside("ours", "dbos", { id: "flow-dbos", title: `${forty} DBOS`, must: 0.8, aim: 0.4 }),
    beside("ours", "n8n", { id: "flow-n8n", title: `${forty} n8n (not durable per step)`, must: 0.4, aim: 0.2 }),
    beside("ours", "restate", { id: "flow-restate", title: `${forty} Restate`, must: 1.2, aim: 0.7 }),
    beside("python", "n8n", {
      id: "flow-python",
      title: "the same in Python, a process per step ÷ n8n",
      must: 1,
      aim: 0.7,
    }),
    beside("long", "raw", {
      id: "flow-long",
      title: "flow of 10 × fib(33) ÷ the loop alone in one bun",
      must: 1.15,
      aim: 1.05,
    }),
    {
      id: "flow-ten",
      title: "flow of 10 no-op steps through run_wait_result, 16 callers, flows/s ÷ n8n",
      value: middle("ten") / middle("theirTen"),
      must: 3,
      aim: 8,
      better: "higher",
      detail: `${middle("ten").toFixed(1)}/s ÷ ${middle("theirTen").toFixed(1)}/s`,
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
