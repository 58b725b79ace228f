import { schedulesOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { createApp } from "../src/http/app.ts";
import { mount } from "../src/http/mount.ts";
import { schedulesHandlers } from "../src/handlers/schedules.ts";
import { createAuthentication } from "../src/identity/authentication.ts";
import { jobsWorld, type Sent } from "./jobs-world.ts";

/** A schedule of alice's; complete but for what a test is about. */
export const base = {
  path: "u/alice/one",
  schedule: "0 0 12 * * *",
  timezone: "Europe/Paris",
  script_path: "u/alice/a",
  is_flow: false,
  args: {},
};

/**
 * The routes of schedules over the workspace of `jobsWorld`, with scripts of alice, bob and the folder `shared`, and two
 * narrowed tokens of alice: `reads`, and `narrow`, which may only write `u/alice/one`.
 */
export async function schedulesWorld() {
  const world = await jobsWorld();
  const { db, services, addScript, addToken } = world;
  const auth = createAuthentication({ db, bus: services.bus, now: () => new Date() });
  const app = createApp({ services, auth, routes: mount(schedulesOperations, schedulesHandlers(services)) });
  await addScript({ path: "u/alice/a", hash: "a1", options: { tag: "gpu" } });
  await addScript({ path: "f/shared/b", hash: "b1" });
  await addScript({ path: "u/bob/secret", hash: "s1" });
  await addToken("alice", "reads", ["schedules:read"]);
  await addToken("alice", "narrow", ["schedules:write:u/alice/one"]);
  const said = async (path: string, { as = "alice", body, method }: Sent = {}): Promise<[number, string]> => {
    const url = `http://localhost/api/${path.startsWith("/") ? path.slice(1) : `w/w/schedules/${path}`}`;
    const response = await app.request(url, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { ...(as === "" ? {} : { authorization: `Bearer ${as}` }), "content-type": "application/json" },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return [response.status, await response.text()];
  };
  const json = async <T = Record<string, unknown>>(path: string, sent: Sent = {}): Promise<T> => {
    const [status, text] = await said(path, sent);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    db,
    bus: services.bus,
    said,
    json,
    create: (fields: Record<string, unknown> = {}, as = "alice") =>
      said("create", { as, body: { ...base, ...fields } }),
    get: (path = base.path): Promise<Record<string, unknown>> => json(`get/${path}`),
    rowOf: (path = base.path): Promise<{ next_run_at: Date }> =>
      db.one(sql`select * from schedule where path = ${path}`),
    async clear(): Promise<void> {
      for (const table of ["schedule", "draft", "trash", "audit"])
        await db.execute(sql`delete from ${sql.ident(table)}`);
      await world.clear();
    },
  };
}
