import { randomBytes } from "node:crypto";
import {
  aclOperations,
  appsOperations,
  auditOperations,
  draftsOperations,
  exportOperations,
  favoritesOperations,
  flowsListOperations,
  nativeTriggersOperations,
  protectionRulesOperations,
  rawAppsOperations,
  resourceHistoryOperations,
  resourcesOperations,
  resourceTypesOperations,
  schedulesOperations,
  scriptsCodeOperations,
  scriptsListOperations,
  scriptsOperations,
  trashOperations,
  variablesOperations,
  workspaceDependenciesOperations,
  workspaceForksOperations,
  type Member,
} from "@towermill/contract";
import { hashToken, jobToken, newJobId, randomToken } from "@towermill/queue";
import { openBus, silentLog, sql, type Database } from "@towermill/store";
import { openVault } from "@towermill/vault";
import { testDatabase, whenDone } from "@towermill/testkit";
import { aclHandlers } from "../src/handlers/acls.ts";
import { appsHandlers } from "../src/handlers/apps.ts";
import { auditHandlers } from "../src/handlers/audit.ts";
import { draftsHandlers } from "../src/handlers/drafts.ts";
import { exportHandlers } from "../src/handlers/export.ts";
import { favoritesHandlers } from "../src/handlers/favorites.ts";
import { flowsListHandlers } from "../src/handlers/flows-list.ts";
import { guardDeployments, protectionRulesHandlers } from "../src/handlers/protection-rules.ts";
import { rawAppsHandlers } from "../src/handlers/raw-apps.ts";
import { resourceHistoryHandlers } from "../src/handlers/resource-history.ts";
import { resourcesHandlers } from "../src/handlers/resources.ts";
import { resourceTypesHandlers } from "../src/handlers/resource-types.ts";
import { schedulesHandlers } from "../src/handlers/schedules.ts";
import { scriptsCodeHandlers } from "../src/handlers/scripts-code.ts";
import { scriptsListHandlers } from "../src/handlers/scripts-list.ts";
import { scriptsHandlers } from "../src/handlers/scripts.ts";
import { trashHandlers } from "../src/handlers/trash.ts";
import { nativeTriggersHandlers } from "../src/handlers/triggers-native.ts";
import { triggerRoutes } from "../src/handlers/triggers.ts";
import { variablesHandlers } from "../src/handlers/variables.ts";
import { workspaceDependenciesHandlers } from "../src/handlers/workspace-dependencies.ts";
import { workspaceForksHandlers } from "../src/handlers/workspace-forks.ts";
import { createApp } from "../src/http/app.ts";
import { mount } from "../src/http/mount.ts";
import { createAuthentication, type Authentication } from "../src/identity/authentication.ts";
import type { UnlockedScript } from "../src/scripts/deploy.ts";
import type { Services } from "../src/services.ts";

const people = ["admin", "alice", "bob", "olga", "eve"] as const;
type Person = (typeof people)[number];

/** One call as somebody; a body is sent as JSON, a string as it is. */
export interface Sent {
  as?: Person | string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

async function fill(db: Database): Promise<void> {
  await db.execute(
    sql`insert into workspace (id, name, owner) values ('w', 'W', 'admin@example.com'), ('other', 'O', 'eve@example.com')`,
  );
  for (const name of people) {
    const email = `${name}@example.com`;
    const workspace = name === "eve" ? "other" : "w";
    await db.execute(sql`insert into account (email) values (${email})`);
    await db.execute(sql`insert into member (workspace_id, username, email, is_admin, operator)
      values (${workspace}, ${name}, ${email}, ${name === "admin"}, ${name === "olga"})`);
    await addToken(db, name, { token: name });
  }
  await db.execute(sql`insert into folder (workspace_id, name, owners, extra_perms)
    values ('w', 'shared', '{u/alice}', '{"u/bob": false, "u/olga": false}')`);
}

async function addToken(
  db: Database,
  name: Person,
  { token, scopes = null }: { token: string; scopes?: string[] | null },
): Promise<void> {
  await db.execute(sql`insert into token (hash, prefix, email, scopes)
    values (${hashToken(token)}, ${token.slice(0, 10)}, ${`${name}@example.com`}, ${scopes})`);
}

async function addJob(db: Database, member: Member): Promise<string> {
  const id = newJobId();
  const secret = randomToken();
  await db.execute(sql`insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, tag)
    values (${id}, 'w', 'script', ${member.username}, ${`u/${member.username}`}, ${member.email}, ${sql.json(member)}, 'bun')`);
  await db.execute(sql`insert into job_queue (id, workspace_id, tag, scheduled_for, running, token_hash)
    values (${id}, 'w', 'bun', now(), true, ${hashToken(secret)})`);
  return jobToken(id, secret);
}

function appOf(services: Services, auth: Authentication, pushed: UnlockedScript[]) {
  const pushDependencyJob = async (_tx: unknown, script: UnlockedScript): Promise<string> => {
    pushed.push(script);
    return newJobId();
  };
  const routes = [
    mount(variablesOperations, variablesHandlers(services)),
    mount(resourcesOperations, resourcesHandlers(services)),
    mount(resourceTypesOperations, resourceTypesHandlers(services)),
    mount(scriptsOperations, scriptsHandlers(services, { pushDependencyJob })),
    mount(scriptsCodeOperations, scriptsCodeHandlers(services, { auth })),
    mount(scriptsListOperations, scriptsListHandlers(services)),
    mount(draftsOperations, draftsHandlers(services)),
    mount(favoritesOperations, favoritesHandlers(services)),
    mount(appsOperations, appsHandlers(services)),
    mount(rawAppsOperations, rawAppsHandlers(services)),
    triggerRoutes(services),
    mount(nativeTriggersOperations, nativeTriggersHandlers(services)),
    mount(workspaceDependenciesOperations, workspaceDependenciesHandlers(services)),
    mount(resourceHistoryOperations, resourceHistoryHandlers(services)),
    mount(trashOperations, trashHandlers(services)),
    mount(protectionRulesOperations, protectionRulesHandlers(services)),
    mount(exportOperations, exportHandlers(services)),
    mount(aclOperations, aclHandlers(services)),
    mount(auditOperations, auditHandlers(services)),
    mount(flowsListOperations, flowsListHandlers(services)),
    mount(schedulesOperations, schedulesHandlers(services)),
    mount(workspaceForksOperations, workspaceForksHandlers(services, auth)),
  ];
  return createApp({ services, auth, routes: guardDeployments(services, routes.flat()) });
}

/**
 * A workspace `w` over a real database: `admin`, the developers `alice` (owns folder `shared`) and `bob` (reads it), the
 * operator `olga` (reads it), and `eve`, who is in another workspace.
 * @param through what the server's statements go through on their way to the database
 */
export async function itemsWorld(through: (db: Database) => Database = (db) => db) {
  const { db, url } = await testDatabase();
  const seen = through(db);
  const bus = await openBus({ url });
  whenDone(() => bus.close());
  await fill(db);
  const instanceKey = randomBytes(32);
  const services = {
    db: seen,
    bus,
    vault: openVault({ db, bus, instanceKey }),
    clock: { now: () => new Date() },
    log: silentLog,
    version: "0.0.0",
    baseUrl: "http://localhost",
    instanceKey,
    bodyLimit: 10_000_000,
    waitLimitMs: 1000,
    streamLimitMs: 1000,
  } as unknown as Services;
  const auth = createAuthentication({ db: seen, bus, now: () => new Date() });
  const pushed: UnlockedScript[] = [];
  const app = appOf(services, auth, pushed);
  const call = async (path: string, { as = "alice", method, body, headers = {} }: Sent = {}): Promise<Response> =>
    app.request(`http://localhost/api/w/w/${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { authorization: `Bearer ${as}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  return {
    db,
    bus,
    app,
    services,
    pushed,
    call,
    /** Status and body text of a call. */
    async said(path: string, sent: Sent = {}): Promise<[number, string]> {
      const response = await call(path, sent);
      return [response.status, await response.text()];
    },
    /** The JSON a call answers; fails on an error status. */
    async json<T = Record<string, unknown>>(path: string, sent: Sent = {}): Promise<T> {
      const response = await call(path, sent);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
      return JSON.parse(text) as T;
    },
    addToken: (name: Person, token: string, scopes: string[]) => addToken(db, name, { token, scopes }),
    jobOf: async (name: Person) => {
      const member = await auth.memberOf(`${name}@example.com`, "w");
      if (!member) throw new Error(`${name} is no member`);
      return addJob(db, member);
    },
  };
}
