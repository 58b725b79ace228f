import { randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { openPool, sql, startEmbedded, type Database } from "@towermill/store";
import { startProcess, testFolder, whenDone, type TestProcess } from "@towermill/testkit";
import { expect, test } from "vitest";
import { adminEmail, adminPassword } from "./support/instance.ts";

const program = fileURLToPath(new URL("../packages/towermill/dist/main.js", import.meta.url));
/** The short form; `npm run chaos` does 20 kills. */
const kills = Number(process.env["CHAOS_KILLS"] ?? 6);
const jobs = Number(process.env["CHAOS_JOBS"] ?? 200);

/** Seeded, so that a failing run can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Fleet {
  url(): string;
  kill(kind: "server" | "worker"): Promise<void>;
}

/** One server and two workers as real processes; whichever is killed is started again. */
async function startFleet(databaseUrl: string, port: number): Promise<Fleet> {
  const folder = testFolder();
  const env = {
    DATABASE_URL: databaseUrl,
    TOWERMILL_ADMIN_PASSWORD: adminPassword,
    TOWERMILL_INSTANCE_KEY: randomBytes(32).toString("hex"),
    PORT: String(port),
    NUM_WORKERS: "4",
    LOG_LEVEL: "error",
  };
  const url = `http://127.0.0.1:${port}`;
  const start = async (kind: "server" | "worker", name: string): Promise<TestProcess> => {
    // like any supervisor: a process that could not start (its database was just killed) is started again
    for (;;) {
      const started = await startProcess({
        command: [process.execPath, program, kind],
        env: { ...env, TOWERMILL_DATA: `${folder}/${name}`, BASE_INTERNAL_URL: url },
      });
      const ready = await started.until(/is ready/, 60_000).catch((error: unknown) => error);
      if (!(ready instanceof Error)) return started;
      console.log(`${kind} ${name} did not start: ${started.output().trim()}`);
      await started.ended;
    }
  };
  const processes = {
    server: [await start("server", "server")],
    worker: await Promise.all(["one", "two"].map((name) => start("worker", name))),
  };
  let turn = 0;
  return {
    url: () => url,
    async kill(kind) {
      const list = processes[kind];
      const index = kind === "server" ? 0 : (turn += 1) % list.length;
      list[index]?.signal("SIGKILL");
      await list[index]?.ended;
      list[index] = await start(kind, kind === "server" ? "server" : (["one", "two"][index] ?? ""));
    },
  };
}

async function login(url: string): Promise<string> {
  const response = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: adminEmail, password: adminPassword }),
  });
  return response.text();
}

const codes = [
  {
    language: "bun",
    content:
      "export async function main(n: number) { await new Promise((r) => setTimeout(r, 50)); console.log(n); return n * 2 }",
  },
  {
    language: "python3",
    content: "import time\ndef main(n: int):\n    time.sleep(0.05)\n    print(n)\n    return n * 2\n",
  },
  { language: "bash", content: 'n="$1"\nsleep 0.05\necho "$((n * 2))"\n' },
];

/** Pushes until the answer says that the job exists: a caller-chosen id makes trying again safe. */
async function push(fleet: Fleet, { token, id, n }: { token: string; id: string; n: number }): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`${fleet.url()}/api/w/admins/jobs/run/preview?job_id=${id}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ ...codes[n % codes.length], args: { n }, lock: "" }),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      if (response.status === 201 || text.includes("already exists")) return;
      if (response.status < 500) throw new TypeError(`push of ${id}: ${response.status} ${text}`);
    } catch (error) {
      if (error instanceof TypeError && error.message.startsWith("push of")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50)); // the server is being killed and started
    }
  }
}

/** Ends when nothing is queued any more; queries that fail meanwhile (PostgreSQL was killed) are asked again. */
async function drained(db: Database): Promise<void> {
  for (;;) {
    const left = await db.one<{ n: number }>(sql`select count(*)::int as n from job_queue`).catch(() => ({ n: -1 }));
    if (left.n === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test(
  `${jobs} jobs end once each while workers, server and PostgreSQL are killed ${kills} times`,
  { timeout: 900_000 },
  async () => {
    const seed = Number(process.env["CHAOS_SEED"] ?? Date.now() % 1_000_000);
    console.log(`chaos seed ${seed}`);
    const next = random(seed);
    const postgres = await startEmbedded({ dataFolder: `${testFolder()}/postgres` });
    whenDone(() => postgres.stop());
    const db = openPool({ url: postgres.url, max: 2 });
    whenDone(() => db.close());
    const port = 20_000 + Math.floor(next() * 20_000);
    const fleet = await startFleet(postgres.url, port);
    const token = await login(fleet.url());

    const ids = Array.from({ length: jobs }, () => randomUUID());
    const pushing = (async () => {
      for (const [n, id] of ids.entries()) await push(fleet, { token, id, n });
    })();
    for (let kill = 0; kill < kills; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 300 + next() * 1500));
      const what = (["worker", "server", "postgres", "worker"] as const)[kill % 4] ?? "worker";
      if (what === "postgres") process.kill(postgres.pid, "SIGKILL");
      else await fleet.kill(what);
    }
    await pushing;
    await drained(db);

    const rows = await db.query<{ id: string; status: string; result: string; n: number; log: string }>(sql`
    select d.id, d.status, d.result, (j.args::jsonb ->> 'n')::int as n,
      (select string_agg(l.text, '' order by l.position) from job_log l where l.job_id = d.id) as log
    from job_done d join job j using (id) where d.id = any(${ids}::uuid[])`);
    expect(rows).toHaveLength(jobs);
    expect(rows.filter((row) => row.status !== "success")).toEqual([]);
    expect(rows.filter((row) => row.result.replaceAll('"', "") !== String(row.n * 2))).toEqual([]);
    const restarted = rows.filter((row) => row.log?.includes("stopped answering"));
    console.log(`${restarted.length} of ${jobs} jobs ran again after their worker was killed`);
  },
);
