import { randomBytes } from "node:crypto";
import { docsOperations } from "@towermill/contract";
import { createEvaluator } from "@towermill/expression";
import { createDeployedFlows, createFlowDriver } from "@towermill/flow-driver";
import { createMcp, type McpOptions } from "@towermill/mcp";
import {
  appendLogs,
  claimJobs,
  completeJobs,
  createDispatcher,
  hashToken,
  type ClaimedJob,
  type Completion,
} from "@towermill/queue";
import { openBus, silentLog, sql, type Database, type Log } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { openVault } from "@towermill/vault";
import { identityRoutes } from "../../packages/server/src/handlers/identity.ts";
import { itemRoutes } from "../../packages/server/src/handlers/items.ts";
import { jobRoutes } from "../../packages/server/src/handlers/job-routes.ts";
import { docsHandlers } from "../../packages/server/src/handlers/docs.ts";
import { createMcpHost } from "../../packages/server/src/handlers/mcp-host.ts";
import { createApp } from "../../packages/server/src/http/app.ts";
import { mount } from "../../packages/server/src/http/mount.ts";
import { createAuthentication } from "../../packages/server/src/identity/authentication.ts";
import { createOAuth } from "../../packages/server/src/oauth/oauth.ts";
import { listen } from "../../packages/server/src/server.ts";
import type { Services } from "../../packages/server/src/services.ts";

const people = ["admin", "alice", "bob", "olga", "eve"] as const;

/** What the test's worker makes of a job: an answer, or nothing to leave it running. */
export type Program = (
  job: ClaimedJob,
) => Promise<Omit<Completion, "id" | "attempt"> | null> | Omit<Completion, "id" | "attempt"> | null;

async function fill(db: Database): Promise<void> {
  await db.execute(
    sql`insert into workspace (id, name, owner) values ('w', 'W', 'admin@example.com'), ('other', 'O', 'eve@example.com')`,
  );
  for (const name of people) {
    const email = `${name}@example.com`;
    const workspace = name === "eve" ? "other" : "w";
    await db.execute(sql`insert into account (email, super_admin) values (${email}, false)`);
    await db.execute(sql`insert into member (workspace_id, username, email, is_admin, operator)
      values (${workspace}, ${name}, ${email}, ${name === "admin"}, ${name === "olga"})`);
    await addToken(db, { name, token: name });
  }
  await db.execute(sql`insert into folder (workspace_id, name, owners, extra_perms)
    values ('w', 'a', '{u/alice}', '{"u/bob": false, "u/olga": false}'), ('w', 'ab', '{u/alice}', '{"u/bob": false}'),
           ('w', 'test', '{u/alice}', '{}')`);
}

export interface NewTestToken {
  name: string;
  token: string;
  scopes?: string[] | null;
  workspace?: string | null;
  readOnly?: boolean;
  expired?: boolean;
}

async function addToken(
  db: Database,
  { name, token, scopes = null, workspace = null, readOnly = false, expired = false }: NewTestToken,
): Promise<void> {
  await db.execute(sql`insert into token (hash, prefix, email, scopes, workspace_id, read_only, expiration)
    values (${hashToken(token)}, ${token.slice(0, 10)}, ${`${name}@example.com`}, ${scopes}, ${workspace}, ${readOnly},
            case when ${expired} then now() - interval '1 hour' end)`);
}

export interface TestScript {
  path: string;
  summary?: string;
  schema?: unknown;
  archived?: boolean;
  draftOnly?: boolean;
  workspace?: string;
}

const echo: Program = (job) => ({
  status: "success",
  result: JSON.stringify({ echo: JSON.parse(job.args ?? "{}") as unknown }),
});

export interface WorldOptions extends McpOptions {
  /** How documents of OAuth clients are read; from the public internet unless told. */
  readDocument?: (clientId: string) => Promise<string>;
}

interface ServerOptions {
  db: Database;
  url: string;
  log: Log;
  options?: WorldOptions;
}

/** One server process: its own bus, dispatcher and MCP face over a shared database. */
async function startServer({ db, url, log, options = {} }: ServerOptions, instanceKey: Buffer) {
  const bus = await openBus({ url });
  const dispatcher = createDispatcher({ db, bus });
  const vault = openVault({ db, bus, instanceKey });
  const evaluator = createEvaluator();
  const deployed = createDeployedFlows({ db, bus });
  const services: Services = {
    db,
    bus,
    dispatcher,
    vault,
    flowDriver: createFlowDriver({ db, bus, dispatcher, log, vault, deployed, evaluator }),
    clock: { now: () => new Date() },
    log,
    version: "0.0.0",
    baseUrl: "http://localhost:8000",
    instanceKey,
    bodyLimit: 10_000_000,
    waitLimitMs: 20_000,
    streamLimitMs: 20_000,
  };
  const auth = createAuthentication({ db, bus, now: () => new Date() });
  const docs = mount(docsOperations, docsHandlers());
  const routes = [...identityRoutes(services), ...itemRoutes(services, auth), ...jobRoutes(services, auth), ...docs];
  const api = createApp({ services, auth, routes });
  const mcp = createMcp({ ...createMcpHost({ services, auth, routes }), queryTokens: true }, options);
  const oauth = createOAuth(services, auth, options.readDocument);
  const app = {
    async fetch(request: Request, env?: object): Promise<Response> {
      const { pathname } = new URL(request.url);
      if (mcp.serves(pathname)) return mcp.fetch(request);
      return oauth.serves(pathname) ? oauth.fetch(request) : api.fetch(request, env);
    },
  };
  const listening = await listen((request, env) => app.fetch(request, env), { host: "127.0.0.1", port: 0 });
  const stop = async (): Promise<void> => {
    await mcp.close();
    await listening.close();
    await evaluator.close();
    await bus.close();
  };
  return { services, bus, mcp, app, url: `http://127.0.0.1:${listening.port}`, stop };
}

/**
 * A workspace `w` over HTTP on a real database: `admin`, the developers `alice` (owns the folders a, ab and test) and
 * `bob`, the operator `olga`, and `eve`, who is in another workspace; each has a token of the same name. The test's worker
 * echoes arguments unless told otherwise.
 */
export async function mcpWorld(options: WorldOptions = {}) {
  const { db, url: databaseUrl } = await testDatabase();
  await fill(db);
  const instanceKey = randomBytes(32);
  const errors: unknown[] = [];
  const log: Log = { ...silentLog, error: (fields: object) => void errors.push(fields) };
  const first = await startServer({ db, url: databaseUrl, log, options }, instanceKey);
  whenDone(() => first.stop());
  let program: Program = echo;
  let working: Promise<unknown> = Promise.resolve();
  const claim = async (): Promise<void> => {
    for (;;) {
      const jobs = await claimJobs(db, {
        worker: "test-worker",
        tags: ["bun", "dependency", "bash", "python3"],
        count: 8,
      });
      if (jobs.length === 0) return;
      for (const job of jobs) void finish(job);
    }
  };
  const finish = async (job: ClaimedJob): Promise<void> => {
    const answer = await program(job);
    if (answer)
      first.services.dispatcher.ended(await completeJobs(db, [{ id: job.id, attempt: job.attempt, ...answer }]));
  };
  first.bus.subscribe("wake", () => void (working = working.then(claim).catch(() => undefined)));
  whenDone(() => working.then(() => undefined));
  return {
    db,
    errors,
    bus: first.bus,
    mcp: first.mcp,
    services: first.services,
    url: first.url,
    /** Another server process over the same database. */
    async another() {
      const server = await startServer({ db, url: databaseUrl, log }, instanceKey);
      whenDone(() => server.stop());
      return server;
    },
    run(next: Program) {
      program = next;
    },
    addToken: (token: NewTestToken) => addToken(db, token),
    async revoke(token: string): Promise<void> {
      await db.execute(sql`delete from token where hash = ${hashToken(token)}`);
      first.bus.publish("changed", [`token:${hashToken(token).toString("hex")}`]);
    },
    async addScript({
      path,
      summary = "",
      schema = null,
      archived = false,
      draftOnly = false,
      workspace = "w",
    }: TestScript): Promise<void> {
      await db.execute(sql`insert into script (workspace_id, hash, path, summary, content, language, lock, schema, created_by, archived, draft_only)
        values (${workspace}, ${randomBytes(8).toString("hex")}, ${path}, ${summary}, 'export function main() {}', 'bun', '', ${sql.json(schema)}, 'alice', ${archived}, ${draftOnly})`);
      first.bus.publish("changed", [`script:${workspace}:${path}`]);
    },
    async log(job: ClaimedJob, position: number, text: string): Promise<void> {
      await appendLogs(db, [{ jobId: job.id, attempt: job.attempt, position, text }]);
      first.bus.publish("logs", [job.id]);
    },
    /** One post to the MCP server as a client of the 2025 revisions makes it. */
    async rpc(
      token: string | null,
      method: string,
      {
        params = {},
        path = "/api/mcp/w/w/mcp",
        headers = {},
      }: { params?: object; path?: string; headers?: Record<string, string> } = {},
    ) {
      const response = await fetch(`${first.url}${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      });
      const text = await response.text();
      const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
      return {
        status: response.status,
        headers: response.headers,
        text,
        message: (data.startsWith("{") ? JSON.parse(data) : null) as RpcAnswer | null,
      };
    },
  };
}

export interface RpcAnswer {
  result?: {
    tools?: { name: string }[];
    isError?: boolean;
    content?: { text: string }[];
    structuredContent?: Record<string, unknown>;
  };
  error?: { code: number; message: string };
}

export type McpWorld = Awaited<ReturnType<typeof mcpWorld>>;
