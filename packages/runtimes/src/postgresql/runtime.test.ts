import { createServer, type AddressInfo, type Server } from "node:net";
import { databaseOverTcp } from "@towermill/testkit";
import { afterAll, describe, expect, test } from "vitest";
import type { RunOutcome } from "../runtime.ts";
import { postgresqlRuntime } from "./runtime.ts";

const { resource, connections } = await databaseOverTcp();
const runtime = postgresqlRuntime({ resultBytes: 100_000 });
afterAll(() => runtime.stop());

interface More {
  args?: Record<string, unknown> | string;
  timeoutMs?: number;
  signal?: AbortSignal;
  user?: string;
  database?: unknown;
  log?: (text: string) => void;
}

function run(content: string, more: More = {}): Promise<RunOutcome> {
  const { args = {}, timeoutMs = 20_000, signal = new AbortController().signal, user = "u/ada" } = more;
  const database = JSON.stringify("database" in more ? more.database : resource);
  const rest = typeof args === "string" ? args : JSON.stringify(args);
  return runtime.run(
    {
      jobId: "0",
      attempt: 1,
      language: "postgresql",
      domain: { workspace: "w", permissionedAs: user, environment: "" },
      script: { path: "u/ada/q", content, lock: "" },
      workspaceScripts: () => Promise.resolve(null),
      entrypoint: "main",
      preprocess: false,
      args: rest === "{}" ? `{"database":${database ?? "null"}}` : `{"database":${database ?? "null"},${rest.slice(1)}`,
      env: {},
      timeoutMs,
      memoryLimitMb: 100,
      fresh: false,
    },
    { log: more.log ?? (() => undefined), stream: () => undefined },
    signal,
  );
}

async function text(content: string, more: More = {}): Promise<string> {
  const outcome = await run(content, more);
  if (outcome.status !== "success") throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

async function failure(content: string, more: More = {}): Promise<{ reason: string; message: string }> {
  const outcome = await run(content, more);
  if (outcome.status === "success") throw new Error(outcome.result);
  return { reason: outcome.reason, message: outcome.error.message };
}

test("values arrive exactly: numbers with all digits, JSON as spelled, bytes as hex, times as text", async () => {
  const row = await text(`select 9007199254740993 as i, 12345678901234567890.1234567890 as n, 1.5::float8 as f,
    'NaN'::float8 as nan, true as b, null as z, '{"a":  1.0}'::json as j, '\\x00ff'::bytea as y, 'it''s "é"' as t,
    '2024-02-03'::date as d, '2024-02-03 04:05:06.789'::timestamp as ts, int4range(1, 5) as r`);
  expect(row).toBe(
    '[{"i":9007199254740993,"n":12345678901234567890.1234567890,"f":1.5,"nan":"NaN","b":true,"z":null,' +
      '"j":{"a":  1.0},"y":"\\\\x00ff","t":"it\'s \\"é\\"","d":"2024-02-03","ts":"2024-02-03 04:05:06.789","r":"[1,5)"}]',
  );
});

test("arrays become arrays, whatever is in them", async () => {
  const row = await text(`-- result_collection=last_statement_first_row
    select array[1,null,3] as i, array[['a','b,c'],['d"\\e','NULL']] as t, '{}'::text[] as e,
      array['{"a":[1,"}"]}'::jsonb] as j, '[0:1]={1,2}'::int[] as o, array[1.10, 'NaN'::numeric] as n`);
  expect(JSON.parse(row)).toEqual({
    i: [1, null, 3],
    t: [
      ["a", "b,c"],
      ['d"\\e', "NULL"],
    ],
    e: [],
    j: [{ a: [1, "}"] }],
    o: [1, 2],
    n: [1.1, "NaN"],
  });
});

test("arguments are bound with their types, exactly, and never become part of the text", async () => {
  const content = `-- $1 big (bigint)
-- $2 price (numeric)
-- $3 doc (jsonb)
-- $4 names (text[])
-- $5 at (timestamptz)
-- $6 raw (bytea)
-- $7 n (int) = 5
-- $9 evil (text)
-- result_collection=last_statement_first_row
select $1 as big, $2 as price, $3 as doc, $4 as names, extract(epoch from $5)::int as at, $6 as raw, $7 as n, $9 as evil, $8::int + 1 as bare`;
  const args = `{"big":9007199254740993,"price":1.10,"doc":{"a":1.0},"names":["x,y","\\"","",null],
    "at":"1970-01-02T00:00:00Z","raw":"AP8=","evil":"'; drop table x; --","$8":"41"}`;
  expect(await text(content, { args })).toBe(
    '{"big":9007199254740993,"price":1.10,"doc":{"a": 1.0},"names":["x,y","\\"","",null],"at":86400,' +
      '"raw":"\\\\x00ff","n":5,"evil":"\'; drop table x; --","bare":42}',
  );
});

test("a date that is none is an error and not 1970", async () => {
  const { reason, message } = await failure("-- $1 d (timestamptz)\nselect $1", { args: { d: "soon" } });
  expect(reason).toBe("error");
  expect(message).toContain('invalid input syntax for type timestamp with time zone: "soon"');
});

test("a script of several statements is split where it ends them, and collected as it says", async () => {
  const statements = `select 1 as a, 'x;y' as b; -- ;
    do $$ begin perform 1; end $$; /* ; /* ; */ */ select "a;b" from (values (2), (3)) as v("a;b");`;
  const collected = async (form: string): Promise<unknown> =>
    JSON.parse(await text(`-- result_collection=${form}\n${statements}`));
  expect(JSON.parse(await text(statements))).toEqual([{ "a;b": 2 }, { "a;b": 3 }]);
  expect(await collected("last_statement_first_row_scalar")).toBe(2);
  expect(await collected("last_statement_all_rows_scalar")).toEqual([2, 3]);
  expect(await collected("all_statements_all_rows_scalar")).toEqual([[1], [], [2, 3]]);
  expect(await collected("all_statements_first_row")).toEqual([{ a: 1, b: "x;y" }, null, { "a;b": 2 }]);
  expect(await collected("legacy")).toEqual([[{ a: 1, b: "x;y" }], [], [{ "a;b": 2 }, { "a;b": 3 }]]);
  expect(JSON.parse(await text("-- result_collection=legacy\nselect 1 as a"))).toEqual([{ a: 1 }]);
  expect(await text("-- nothing\n;;")).toBe("[]");
  expect((await failure("-- result_collection=some\nselect 1")).message).toContain("last_statement");
});

test("notices go to the log, and an error says where it is", async () => {
  let log = "";
  await text("do $$ begin raise notice 'half way'; end $$", { log: (line) => (log += line) });
  expect(log).toBe("NOTICE: half way\n");
  const { message } = await failure("select 1;\nselect 'é',\n  nope");
  expect(message).toBe('column "nope" does not exist\nLINE 2:   nope');
});

test("a session is kept for the next job of the same identity, as if it were new, and never crosses identities", async () => {
  const runner = async (content: string, user: string): Promise<string> => {
    const outcome = await run(content, { user });
    return outcome.status === "success" ? outcome.runner : outcome.error.message;
  };
  expect(await runner("begin; create temp table left_over(); set search_path = nowhere; select 1", "u/kept")).toBe(
    "cold",
  );
  const opened = connections();
  expect(await runner("show search_path", "u/kept")).toBe("reused");
  expect(await text("show search_path", { user: "u/kept" })).toContain("public");
  expect(connections()).toBe(opened);
  expect(await runner("select * from left_over", "u/kept")).toContain("does not exist");
  expect(await runner("select 1", "u/other")).toBe("cold");
});

describe("a statement that runs is ended on the server", () => {
  const counted =
    "-- result_collection=last_statement_first_row_scalar\nselect count(*) from pg_stat_activity where query like 'select pg_sleep(3%'";

  test("when the job is cancelled", async () => {
    const canceling = new AbortController();
    const running = failure("select pg_sleep(30)", { signal: canceling.signal });
    await expect.poll(() => text(counted)).toBe("1");
    canceling.abort();
    expect((await running).reason).toBe("canceled");
    await expect.poll(() => text(counted)).toBe("0");
  });

  test("when its time is over", async () => {
    const from = performance.now();
    const { reason, message } = await failure("select pg_sleep(31)", { timeoutMs: 300 });
    expect([reason, message]).toEqual(["timeout", expect.stringContaining("0.3 s")]);
    expect(performance.now() - from).toBeLessThan(5000);
    await expect.poll(() => text(counted)).toBe("0");
  });

  test("when its rows are more than a result may have", async () => {
    const { message } = await failure("select repeat('x', 1000), generate_series(1, 100000000)");
    expect(message).toContain("larger than 100000 bytes");
  });
});

test("a database that is not one is refused with a reason", async () => {
  const refused = async (database: unknown): Promise<string> => (await failure("select 1", { database })).message;
  expect(await refused(undefined)).toContain("Missing database argument");
  expect(await refused({ ...resource, host: "/var/run/postgresql" })).toContain("paths of sockets are not allowed");
  expect(await refused({ ...resource, host: "" })).toContain("`host`");
  expect(await refused({ ...resource, host: "a,/tmp" })).toContain("`host`");
  expect(await refused({ ...resource, port: 0 })).toContain("`port`");
  expect(await refused({ ...resource, dbname: undefined })).toContain("`dbname`");
  expect(await refused("datatable://main")).toContain("datatable://");
  expect(await refused({ ...resource, sslmode: "require" })).toContain("SSL");
  expect(await refused({ ...resource, port: 1 })).toContain("ECONNREFUSED");
  expect((await failure("-- s3 prefix=x\nselect 1")).message).toContain("object storage");
});

test("a server that never answers costs a job no more than its time, and one that goes away is an error", async () => {
  const silent = createServer((socket) => socket.on("error", () => undefined).resume());
  const rude = createServer((socket) => socket.destroy());
  const portOf = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  const waiting = failure("select 1", { database: { ...resource, port: await portOf(silent) }, timeoutMs: 300 });
  expect((await waiting).reason).toBe("timeout");
  const gone = await failure("select 1", { database: { ...resource, port: await portOf(rude) } });
  expect(gone).toMatchObject({
    reason: "error",
    message: expect.stringMatching(/terminated|ECONNRESET|closed/i) as unknown,
  });
  await Promise.all([silent, rude].map((server) => new Promise((resolve) => server.close(resolve))));
  const ended = await failure("select pg_terminate_backend(pg_backend_pid())");
  expect(ended.reason).toBe("error");
  expect(await text("select 1 as a")).toBe('[{"a":1}]');
});

test("what replaces a piece of the text must be one of its choices or a plain name", async () => {
  const content = "-- %%table%%\n-- %%order%% asc/desc = asc\nselect * from %%table%% order by 1 %%order%% limit 1";
  expect(JSON.parse(await text(content, { args: { table: "generate_series" } }).catch(() => "0"))).toBe(0);
  expect(await text(content, { args: { table: "pg_catalog.pg_am", order: "desc" } })).toContain("amname");
  expect((await failure(content, { args: { table: "a; drop table b" } })).message).toContain("`table` cannot be");
  expect((await failure(content, { args: { table: "a", order: "up" } })).message).toContain("asc, desc");
});
