import pg from "pg@8.16.3";

type Postgresql = {
  host: string;
  port: number;
  user: string;
  dbname: string;
  sslmode?: string;
  password: string;
};

/**
 * Opens many connections to a PostgreSQL at once; each counts up one row in transactions of its own. What the row says
 * at the end proves that no update was lost.
 */
export async function main(database: Postgresql, connections: number = 10, increments: number = 20) {
  const settings = {
    host: database.host,
    port: database.port,
    user: database.user,
    password: database.password,
    database: database.dbname,
    connectionTimeoutMillis: 10_000,
  };
  const admin = new pg.Client(settings);
  await admin.connect();
  const table = `stress_${Math.random().toString(36).slice(2, 10)}`;
  await admin.query(`create table ${table} (id int primary key, n int not null)`);
  await admin.query(`insert into ${table} values (1, 0)`);
  const startedMs = performance.now();
  try {
    const latencies = await Promise.all(
      Array.from({ length: connections }, async () => {
        const client = new pg.Client(settings);
        await client.connect();
        const times: number[] = [];
        try {
          for (let round = 0; round < increments; round += 1) {
            const from = performance.now();
            await client.query("begin");
            await client.query(`update ${table} set n = n + 1 where id = 1`);
            await client.query("commit");
            times.push(performance.now() - from);
          }
        } finally {
          await client.end();
        }
        return times;
      }),
    );
    const elapsedMs = performance.now() - startedMs;
    const { rows } = await admin.query<{ n: number }>(`select n from ${table}`);
    const sorted = latencies.flat().sort((a, b) => a - b);
    return {
      connections,
      expected: connections * increments,
      counted: rows[0]?.n,
      lost_updates: connections * increments - (rows[0]?.n ?? 0),
      transactions_per_second: Math.round((sorted.length / elapsedMs) * 1000),
      p50_ms: Number((sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(2)),
    };
  } finally {
    await admin.query(`drop table ${table}`);
    await admin.end();
  }
}
