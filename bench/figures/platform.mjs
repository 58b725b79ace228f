// Figures of the platform as a whole: draining a queue, starting, memory, a long history, several processes.
import { createRequire } from "node:module";
import { oneByOne, requireEqual, rounds, together, treeMemory } from "../measure.mjs";
import { graphileWorker } from "../peers/graphile.mjs";
import { n8n } from "../peers/n8n.mjs";
import { folder, startPostgres, startTowermill, until } from "../processes.mjs";
import { scripts } from "./jobs.mjs";

const pg = createRequire(new URL("../../packages/store/package.json", import.meta.url))("pg");
const args = { name: "x", n: 1 };
const right = { hello: "x", n: 2 };

async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Queues `count` jobs at once, as a bulk import would: runs of a deployed script, or (no path) jobs that do nothing. */
const enqueue = (client, count, path) =>
  client.query(
    `with s as (select 'script' as kind, hash, language, path from script where path = $2 and not archived
        union all select 'identity', null, 'bun', null where $2::text is null),
      a as (select json_build_object('workspace', 'admins', 'email', 'admin@windmill.dev', 'username', 'admin', 'isAdmin', true,
        'isOperator', false, 'groups', json_build_array('all'), 'foldersRead', '[]'::json, 'foldersWrite', '[]'::json, 'foldersOwned', '[]'::json) as identity),
      j as (insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash, language, tag, args)
        select uuidv7(), 'admins', s.kind, 'admin', 'u/admin', 'admin@windmill.dev', a.identity, s.path, s.hash, s.language, s.language, '{"name":"x","n":1}'
        from s, a, generate_series(1, $1::int) returning id, tag)
    insert into job_queue (id, workspace_id, tag, scheduled_for) select id, 'admins', tag, now() from j`,
    [count, path],
  );

/** Jobs per second of a queue that is filled at once and drained; each must have ended well. */
async function drainOnce(client, count, path) {
  const before = Number((await client.query("select count(*) as n from job_done")).rows[0].n);
  const from = performance.now();
  await enqueue(client, count, path);
  // what a server says after a push: these were pushed past it
  await client.query("select pg_notify('towermill', $1)", [JSON.stringify(["bench", { wake: ["bun"] }])]);
  await until(async () => {
    const { rows } = await client.query("select count(*) as n from job_queue");
    if (Number(rows[0].n) > 0) throw new Error("not drained");
  });
  const perSecond = count / ((performance.now() - from) / 1000);
  const { rows } = await client.query(
    "select count(*) as n, count(*) filter (where status <> 'success') as failed from job_done",
  );
  requireEqual([Number(rows[0].n) - before, Number(rows[0].failed)], [count, 0], "drained jobs");
  return perSecond;
}

export async function drain(ctx) {
  const count = ctx.quick ? 2000 : 5000;
  const postgres = await startPostgres();
  const instance = await startTowermill({ databaseUrl: postgres.url, env: { NUM_WORKERS: "8" } });
  await instance.deploy(...scripts.typescript);
  for (let n = 0; n < 50; n += 1) requireEqual(await instance.run(scripts.typescript[0], args), right, "typescript");
  const drainRounds = (path) =>
    withClient(postgres.url, (client) => rounds(ctx.rounds, () => drainOnce(client, count, path)));
  const ours = await drainRounds(scripts.typescript[0]);
  const queueOnly = await drainRounds(null);
  const graphile = await graphileWorker(postgres.url);
  const theirs = await rounds(ctx.rounds, () => graphile.drain(count));
  await graphile.stop();
  await instance.stop();
  await postgres.stop();
  return [
    {
      id: "drain",
      title: `drain of ${count} queued no-op scripts, one worker, 8 slots ÷ graphile-worker default`,
      value: ours / theirs,
      must: 0.7,
      aim: 1.5,
      better: "higher",
      detail: `${ours.toFixed(0)}/s ÷ ${theirs.toFixed(0)}/s`,
    },
    {
      id: "queue",
      title: `the same with jobs that do nothing: the queue alone`,
      value: queueOnly / theirs,
      better: "higher",
      detail: `${queueOnly.toFixed(0)}/s ÷ ${theirs.toFixed(0)}/s`,
    },
  ];
}

/** What starting a runner costs a worker with a large heap: it must not be the worker that forks. */
export async function heap(ctx) {
  const latency = async (megabytes) => {
    const postgres = await startPostgres();
    const instance = await startTowermill({
      databaseUrl: postgres.url,
      env: { TOWERMILL_BENCH_HEAP_MB: String(megabytes) },
      nodeArgs: ["--import", new URL("../ballast.mjs", import.meta.url).href],
    });
    await instance.deploy(...scripts.bash);
    await oneByOne(10, () => instance.run(scripts.bash[0], args));
    const p50 = await rounds(
      ctx.rounds,
      async () => (await oneByOne(ctx.quick ? 60 : 150, () => instance.run(scripts.bash[0], args))).p50,
    );
    await instance.stop();
    await postgres.stop();
    return p50;
  };
  const small = await latency(0);
  const large = await latency(300);
  return [
    {
      id: "heap",
      title: "a bash job (one process start) with 300 MiB of worker heap ÷ with a small heap, p50",
      value: large / small,
      must: 1.2,
      aim: 1.05,
      better: "lower",
      detail: `${large.toFixed(2)} ms ÷ ${small.toFixed(2)} ms`,
    },
  ];
}

/** What a start leaves to be cleaned up has been. */
const idle = () => new Promise((resolve) => setTimeout(resolve, 3000));

export async function peerN8n(ctx) {
  const peer = await n8n({ one: { steps: 1, code: "return [{json:{hello:'x',n:2}}];" } });
  const warm = await peer.launch();
  await warm.stop();
  const theirStarts = [];
  let launched = await peer.launch();
  theirStarts.push(launched.firstAnswerMs);
  for (let n = 1; n < ctx.rounds; n += 1) {
    await launched.stop();
    launched = await peer.launch();
    theirStarts.push(launched.firstAnswerMs);
  }
  const their = () => launched.call("one", {});
  requireEqual(JSON.parse(await their()), right, "n8n");
  await idle();
  const theirMemory = treeMemory(launched.child.pid);
  const theirs = await rounds(ctx.rounds, async () => (await together(ctx.quick ? 60 : 200, 16, their)).perSecond);
  await launched.stop();

  const dataFolder = folder("start");
  const first = await startTowermill({ dataFolder });
  await first.deploy(...scripts.typescript);
  await first.run(scripts.typescript[0], args);
  await first.stop();
  const ourStarts = [];
  let instance;
  for (let n = 0; n < ctx.rounds; n += 1) {
    instance = await startTowermill({ dataFolder });
    requireEqual(await instance.run(scripts.typescript[0], args), right, "first job");
    ourStarts.push(performance.now() - instance.startedAt);
    if (n + 1 < ctx.rounds) await instance.stop();
  }
  const four = () => Promise.all(Array.from({ length: 4 }, () => instance.run(scripts.typescript[0], args)));
  const ourTree = () => treeMemory(instance.child.pid, (command) => /postgres/.test(command));
  await four();
  await idle();
  const ourMemory = ourTree();
  for (let n = 0; n < 50; n += 1) await four();
  const ours = await rounds(
    ctx.rounds,
    async () =>
      (await together(ctx.quick ? 1000 : 3000, 16, () => instance.run(scripts.typescript[0], args))).perSecond,
  );
  const loadedMemory = ourTree();
  await instance.stop();
  const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const [ourStart, theirStart] = [middle(ourStarts), middle(theirStarts)];
  return [
    {
      id: "n8n",
      title: "warm TypeScript, 16 callers, jobs/s ÷ n8n webhook → Code → respond",
      value: ours / theirs,
      must: 15,
      aim: 30,
      better: "higher",
      detail: `${ours.toFixed(0)}/s ÷ ${theirs.toFixed(1)}/s`,
    },
    {
      id: "memory",
      title: "idle memory of server, worker and 4 warm runners, without PostgreSQL ÷ n8n idle",
      value: ourMemory / theirMemory,
      must: 0.4,
      aim: 0.25,
      better: "lower",
      detail: `${ourMemory.toFixed(0)} MiB (${loadedMemory.toFixed(0)} after load) ÷ ${theirMemory.toFixed(0)} MiB (PSS)`,
    },
    {
      id: "start",
      title: "start with existing data → first job answered ÷ n8n start → first answer",
      value: ourStart / theirStart,
      must: 0.4,
      aim: 0.25,
      better: "lower",
      detail: `${(ourStart / 1000).toFixed(2)} s ÷ ${(theirStart / 1000).toFixed(2)} s`,
    },
  ];
}

/** Fills the history by rows that look like ended jobs. */
const fillHistory = (client, count) =>
  client.query(
    `with j as (insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, language, tag, args)
        select uuidv7(), 'admins', 'script', 'admin', 'u/admin', 'a@b.c', '{}', 'u/admin/past', 'bun', 'bun', '{"n":1}' from generate_series(1, $1::int) returning id)
     insert into job_done (id, workspace_id, status, started_at, duration_ms, result) select id, 'admins', 'success', now(), 1, '{"n":1}' from j`,
    [count],
  );

export async function history(ctx) {
  const count = ctx.quick ? 100_000 : 1_000_000;
  const measure = async (filled) => {
    const postgres = await startPostgres();
    const instance = await startTowermill({ databaseUrl: postgres.url });
    await instance.deploy(...scripts.typescript);
    if (filled > 0) {
      await withClient(postgres.url, async (client) => {
        for (let left = filled; left > 0; left -= 50_000) await fillHistory(client, Math.min(left, 50_000));
        await client.query("analyze");
        await client.query("checkpoint");
      });
    }
    await together(500, 16, () => instance.run(scripts.typescript[0], args));
    const perSecond = await rounds(
      ctx.rounds,
      async () =>
        (await together(ctx.quick ? 1000 : 3000, 16, () => instance.run(scripts.typescript[0], args))).perSecond,
    );
    await instance.stop();
    await postgres.stop();
    return perSecond;
  };
  const empty = await measure(0);
  const full = await measure(count);
  return [
    {
      id: "history",
      title: `throughput with ${count.toLocaleString("en")} ended jobs ÷ with an empty database`,
      value: full / empty,
      must: 0.9,
      aim: 0.97,
      better: "higher",
      detail: `${full.toFixed(0)}/s ÷ ${empty.toFixed(0)}/s`,
    },
  ];
}

export async function split(ctx) {
  const count = ctx.quick ? 1000 : 3000;
  const alone = await startPostgres();
  const one = await startTowermill({ databaseUrl: alone.url });
  await one.deploy(...scripts.typescript);
  const measure = (instance) =>
    rounds(
      ctx.rounds,
      async () => (await together(count, 16, () => instance.run(scripts.typescript[0], args))).perSecond,
    );
  await together(300, 16, () => one.run(scripts.typescript[0], args));
  const together1 = await measure(one);
  await one.stop();
  await alone.stop();

  const shared = await startPostgres();
  const server = await startTowermill({ databaseUrl: shared.url, command: ["server"] });
  const env = { BASE_INTERNAL_URL: server.url, NUM_WORKERS: "4" };
  const workers = await Promise.all(
    [1, 2].map(() => startTowermill({ databaseUrl: shared.url, command: ["worker"], env })),
  );
  await server.deploy(...scripts.typescript);
  await together(300, 16, () => server.run(scripts.typescript[0], args));
  const apart = await measure(server);
  for (const worker of workers) await worker.stop();
  await server.stop();
  await shared.stop();
  return [
    {
      id: "split",
      title: "two workers beside a server ÷ all in one process, jobs/s, 16 callers",
      value: apart / together1,
      must: 0.7,
      aim: 1,
      better: "higher",
      detail: `${apart.toFixed(0)}/s ÷ ${together1.toFixed(0)}/s`,
    },
  ];
}

/** Memory at idle and with 100 runners kept warm: one per script, since each has a domain of its own. */
export async function memory(ctx) {
  const count = ctx.quick ? 20 : 100;
  const postgres = await startPostgres();
  const instance = await startTowermill({ databaseUrl: postgres.url, env: { NUM_WORKERS: "32" } });
  await instance.deploy(...scripts.typescript);
  await instance.run(scripts.typescript[0], args);
  const idle = treeMemory(instance.child.pid);
  for (let n = 0; n < count; n += 1) {
    await instance.deploy(`u/admin/warm_${n}`, "bun", `export function main() { return ${n} }`);
    requireEqual(await instance.run(`u/admin/warm_${n}`), n, "warm runner");
  }
  const warm = treeMemory(instance.child.pid);
  await instance.stop();
  await postgres.stop();
  return [
    {
      id: "warm-memory",
      title: `memory with ${count} warm TypeScript runners, per runner, MiB`,
      value: (warm - idle) / count,
      better: "lower",
      detail: `${idle.toFixed(0)} MiB at idle, ${warm.toFixed(0)} MiB warm`,
    },
  ];
}
