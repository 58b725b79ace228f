import { randomBytes } from "node:crypto";
import { createEvaluator } from "@towermill/expression";
import { createDeployedFlows, createFlowDriver } from "@towermill/flow-driver";
import { createDispatcher } from "@towermill/queue";
import { openBus, silentLog, type Bus, type Database } from "@towermill/store";
import { openVault } from "@towermill/vault";
import type { Hono } from "hono";
import { identityRoutes } from "../handlers/identity.ts";
import { createApp } from "../http/app.ts";
import type { Clock, Services } from "../services.ts";
import { createAuthentication } from "./authentication.ts";
import { ensureFirstAdmin } from "./first-admin.ts";

export interface CallOptions {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  text: string;
  headers: Headers;
  /** The body as JSON; what it is the test knows. */
  json<T = unknown>(): T;
}

export interface Instance {
  services: Services;
  /** A token of the first admin, `admin@windmill.dev`, with every right. */
  admin: string;
  call(request: string, options?: CallOptions): Promise<Answer>;
  /** Creates an account and, if given, makes it a member. @returns a token of it */
  account(email: string, membership?: { workspace: string; is_admin?: boolean; operator?: boolean }): Promise<string>;
  close(): Promise<void>;
}

function callOf(app: Hono): Instance["call"] {
  return async (request, { token, body, headers } = {}) => {
    const [method = "GET", path = "/"] = request.split(" ");
    const response = await app.request(`http://localhost/api${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, headers: response.headers, json: <T>() => JSON.parse(text) as T };
  };
}

function servicesOf({ db, bus, clock }: { db: Database; bus: Bus; clock: Clock }): Services {
  const instanceKey = randomBytes(32);
  const dispatcher = createDispatcher({ db, bus });
  const vault = openVault({ db, bus, instanceKey });
  const flows = { deployed: createDeployedFlows({ db, bus }), evaluator: createEvaluator() };
  return {
    db,
    bus,
    clock,
    dispatcher,
    vault,
    flowDriver: createFlowDriver({ db, bus, dispatcher, log: silentLog, vault, ...flows }),
    log: silentLog,
    version: "0.0.0",
    baseUrl: "https://tower.example",
    instanceKey,
    bodyLimit: 2_000_000,
    waitLimitMs: 1000,
    streamLimitMs: 1000,
  };
}

/** The identity part of the server on a real database, without a socket. */
export async function startInstance(options: { db: Database; url: string; clock: Clock }): Promise<Instance> {
  const { db, url, clock } = options;
  const bus = await openBus({ url });
  const services = servicesOf({ db, bus, clock });
  const auth = createAuthentication({ db, bus, now: () => clock.now() });
  const call = callOf(createApp({ services, auth, routes: identityRoutes(services) }));
  const password = "correct horse";
  const { email } = await ensureFirstAdmin(services, { email: "admin@windmill.dev", password });
  const admin = (await call("POST /auth/login", { body: { email, password } })).text;
  const account: Instance["account"] = async (address, membership) => {
    await call("POST /users/create", { token: admin, body: { email: address, password, super_admin: false } });
    if (membership) {
      const body = { email: address, is_admin: membership.is_admin ?? false, operator: membership.operator ?? false };
      await call(`POST /w/${membership.workspace}/workspaces/add_user`, { token: admin, body });
    }
    return (await call("POST /auth/login", { body: { email: address, password } })).text;
  };
  return { services, admin, call, account, close: () => bus.close() };
}
