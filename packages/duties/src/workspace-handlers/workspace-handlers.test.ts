import { newJobId, noteInLog, readLog } from "@towermill/queue";
import { silentLog, sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { addSchedule, addScript, schedulesWorld } from "../../test/schedules-world.ts";
import type { DutyContext } from "../duty.ts";
import { workspaceHandlers } from "./workspace-handlers.ts";

const world = await schedulesWorld();
const { db, ctx: ticking, fire, settle, claim, end, ticks } = world;
const ctx: DutyContext = {
  ...ticking,
  log: silentLog,
  now: () => new Date(),
  retentionDays: 30,
  flowDriver: { endedElsewhere: async () => undefined, timeOut: async () => undefined, reconcile: async () => 0 },
};
const failed = JSON.stringify({ error: { name: "Error", message: "no" } });
const look = (): Promise<void> => workspaceHandlers.run(ctx);

for (const name of ["told", "glad"]) await addScript(db, `u/alice/${name}`);
await addScript(db, "f/shop/quiet", { ws_error_handler_muted: true });

interface Ended {
  path?: string;
  kind?: string;
  status?: string;
  step?: string;
  as?: string;
  trigger?: [kind: string, path: string];
}

async function ended({
  path = "u/alice/work",
  kind = "script",
  status = "failure",
  step,
  as = "u/alice",
  trigger,
}: Ended = {}) {
  const id = newJobId();
  await db.execute(sql`
    insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, tag, args, script_path, script_hash, flow_step_id,
      trigger_kind, trigger_path)
    values (${id}, 'w', ${kind}, 'alice', ${as}, 'alice@example.com', '{}', 'bun', '{}', ${path}, ${path}, ${step ?? null},
      ${trigger?.[0] ?? null}, ${trigger?.[1] ?? null})`);
  await db.execute(sql`
    insert into job_done (id, workspace_id, status, started_at, duration_ms, result)
    values (${id}, 'w', ${status}, now(), 1, ${status === "success" ? '{"n":1}' : failed})`);
  return id;
}

/** The handlers' jobs, and empties the queue. */
async function handlers(): Promise<Record<string, unknown>[]> {
  await look();
  return db.query(sql`
    with gone as (delete from job_queue using job j where j.id = job_queue.id and j.created_by like '%\\_handler' returning j.*)
    select script_path, args, parent_job, permissioned_as, created_by, email from gone order by id`);
}

async function set(settings: Record<string, unknown>): Promise<void> {
  await db.execute(sql`update workspace set settings = ${sql.json(settings)} where id = 'w'`);
  await look();
}
const told = { path: "script/u/alice/told", extra_args: { channel: "ops" } };

beforeEach(async () => {
  await world.clear();
  for (const table of ["handler_watch", "handled_end"]) await db.execute(sql`delete from ${sql.ident(table)}`);
  await set({ error_handler: told });
});

describe("the error handler of a workspace", () => {
  test("is told of a failed run, once, as the group error_handler", async () => {
    const id = await ended();
    const [job, ...more] = await handlers();
    expect(more).toEqual([]);
    expect(job).toMatchObject({
      script_path: "u/alice/told",
      parent_job: id,
      permissioned_as: "g/error_handler",
      created_by: "error_handler",
      email: "error_handler@windmill.dev",
    });
    expect(JSON.parse(String(job?.["args"]))).toEqual({
      workspace_id: "w",
      job_id: id,
      path: "u/alice/work",
      is_flow: false,
      started_at: expect.any(String),
      email: "alice@example.com",
      error: { name: "Error", message: "no" },
      channel: "ops",
    });
    expect(await handlers()).toEqual([]);
  });

  test("is told of flows, of cancelled runs and of where a run came from", async () => {
    await ended({ path: "u/alice/flow", kind: "flow", trigger: ["http", "f/shop/hook"] });
    await ended({ status: "canceled" });
    const args = (await handlers()).map((job) => JSON.parse(String(job["args"])) as Record<string, unknown>);
    expect(args).toMatchObject([{ is_flow: true, trigger_path: "http_trigger/f/shop/hook" }, { is_flow: false }]);
  });

  test("is not told of steps, previews, other handlers, what was skipped, or what ended before there was one", async () => {
    await ended({ step: "a" });
    await ended({ kind: "preview" });
    await ended({ as: "g/error_handler" });
    await ended({ status: "skipped" });
    await ended({ status: "success" });
    expect(await handlers()).toEqual([]);
    await set({});
    await ended();
    await set({ error_handler: told });
    expect(await handlers()).toEqual([]);
  });

  test("is quiet where it is muted: on cancel, for users' own, by the script, by the schedule", async () => {
    await set({ error_handler: { ...told, muted_on_cancel: true, muted_on_user_path: true } });
    await ended({ status: "canceled", path: "f/shop/work" });
    await ended({ path: "u/alice/work" });
    await ended({ path: "f/shop/quiet" });
    await addSchedule(db, { path: "f/shop/s", options: { ws_error_handler_muted: true } as never });
    await ended({ path: "f/shop/work", trigger: ["schedule", "f/shop/s"] });
    expect(await handlers()).toEqual([]);
    await ended({ path: "f/shop/work" });
    expect(await handlers()).toHaveLength(1);
  });

  test("is told of the last attempt of a schedule only, and with its path", async () => {
    const path = "u/alice/s";
    await addSchedule(db, { path, options: { retry: { constant: { attempts: 1, seconds: 0 } } } });
    await fire();
    for (const attempt of [1, 2]) {
      for (const job of await claim()) await end(job, { status: "failure", result: failed });
      expect(await handlers()).toEqual([]);
      await settle();
      expect(await handlers()).toHaveLength(attempt - 1);
    }
    expect(await ticks(path)).toMatchObject([{ state: "failure", failures: 1 }]);
    const [job] = await db.query<{ args: { schedule_path: string } }>(
      sql`select args from job where created_by = 'error_handler'`,
    );
    expect(JSON.stringify(job?.args)).toContain(path);
  });

  test("that is missing is told in the log of the job, and never tried again", async () => {
    await set({ error_handler: { path: "flow/u/alice/none" } });
    const id = await ended();
    await noteInLog(db, id, "it ran");
    expect(await handlers()).toEqual([]);
    await look();
    expect(await readLog(db, id)).toBe(
      "it ran\nThe error handler of the workspace could not be started: Flow not found at name u/alice/none\n",
    );
  });

  test("catches up after a time without a leader, and is told once though two lead at a time", async () => {
    const ids = [];
    for (let n = 0; n < 250; n += 1) ids.push(await ended());
    await db.execute(sql`update job_done set completed_at = now() - interval '1 hour'`);
    await db.execute(
      sql`update handler_watch set since = now() - interval '1 day', until = now() - interval '2 hours'`,
    );
    await Promise.all([look(), look()]);
    const jobs = await handlers();
    expect(new Set(jobs.map((job) => job["parent_job"]))).toEqual(new Set(ids));
    expect(jobs).toHaveLength(ids.length);
    expect(await db.one(sql`select count(*)::int as n from handled_end`)).toEqual({ n: 0 });
  });
});

test("the success handler is told of each success with its result, and of nothing else", async () => {
  await set({ success_handler: { path: "script/u/alice/glad" } });
  await ended();
  const id = await ended({ status: "success" });
  const [job, ...more] = await handlers();
  expect(more).toEqual([]);
  expect(job).toMatchObject({ script_path: "u/alice/glad", created_by: "success_handler" });
  expect(JSON.parse(String(job?.["args"]))).toMatchObject({ job_id: id, result: { n: 1 } });
});
