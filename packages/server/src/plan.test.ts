import { createPartitions } from "@towermill/queue";
import { loadMember } from "@towermill/runnable";
import { sql } from "@towermill/store";
import { filledWeeks, fillItems, fillJobs, recordPlans, usualFill, type PlanRecorder } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { itemsWorld } from "../test/world.ts";
import type { AccountCaller } from "./identity/caller.ts";
import type { JobFilters, Part } from "./jobs/filter.ts";
import { findJob, findJobDetails } from "./jobs/job-row.ts";
import { listRows } from "./jobs/list.ts";
import { headAt } from "./scripts/row.ts";

const recorders: PlanRecorder[] = [];
const { db, json, addToken } = await itemsWorld((inner) => {
  const recorder = recordPlans(inner);
  recorders.push(recorder);
  return recorder.db;
});
const [plans] = recorders;
if (plans === undefined) throw new Error("the world sends its statements past the recorder");

beforeAll(async () => {
  for (let week = 0; week <= filledWeeks; week += 1) {
    await createPartitions(db, new Date(Date.now() - week * 7 * 86_400_000));
  }
  await fillJobs(db, { workspace: "w", fill: usualFill });
  await fillItems(db, { workspace: "w", each: 50_000 });
  await db.execute(sql`insert into folder (workspace_id, name, owners, extra_perms)
    select 'w', 'f' || n, '{}', '{"u/alice": false}' from generate_series(0, 49) n`);
  await db.execute(sql`insert into token (hash, prefix, email)
    select sha256(n::text::bytea), 'x', 'eve@example.com' from generate_series(1, 20000) n`);
  await db.execute(sql`analyze token`);
}, 600_000);

/** What the statements of `work` read; fails when one of them reads a large table from end to end, or sorts much. */
async function readBy(work: () => Promise<unknown>): Promise<string[]> {
  plans?.take();
  await work();
  const taken = plans?.take() ?? [];
  expect(taken.filter((plan) => plan.readWhole.length > 0 || plan.sorted > 1000)).toEqual([]);
  return [...new Set(taken.flatMap((plan) => plan.indexes))].toSorted();
}

describe("with 50,000 of each item", () => {
  test.each(["admin", "alice"])("a page of a list is read from an index in its order, by %s", async (as) => {
    // alice may read half of the folders
    const page = (list: string) => readBy(() => json(`${list}?per_page=100`, { as }));
    expect(await page("scripts/list")).toContain("script_recent");
    expect(await page("variables/list")).toContain("variable_pkey");
    expect(await page("resources/list")).toContain("resource_pkey");
    expect(await page("flows/list")).toContain("flow_recent");
    expect(await page("apps/list")).toContain("app_recent");
    expect(await page("schedules/list")).toContain("schedule_recent");
    expect(await page("schedules/list_with_jobs")).toContain("schedule_recent");
    expect(await page("http_triggers/list")).toContain("http_trigger_pkey");
    expect(await page("audit/list")).toEqual([as === "admin" ? "audit_pkey" : "audit_member"]);
    expect(await page("trash/list")).toContain("trash_pkey");
  });

  test("the entries of a member who did nothing are not looked for among those of others", async () => {
    expect(await readBy(() => json("audit/list?per_page=100", { as: "bob" }))).toContain("audit_member");
  });

  test("so is a page below a folder", async () => {
    const page = (list: string) => readBy(() => json(`${list}?per_page=100&path_start=f/f7/`, { as: "admin" }));
    await page("scripts/list");
    expect(await page("variables/list")).toContain("variable_pkey");
    expect(await page("resources/list")).toContain("resource_pkey");
  });

  test("a script is found by its path", async () => {
    expect(await readBy(() => headAt(plans.db, "w", "f/f7/s7"))).toEqual(["script_head"]);
  });

  test("a token is found by its hash", async () => {
    await addToken("alice", "new-one", []);
    expect(await readBy(() => json("variables/exists/u/alice/x", { as: "new-one" }).catch(() => null))).toContain(
      "token_pkey",
    );
  });
});

async function callerOf(
  name: string,
): Promise<{ caller: AccountCaller; member: NonNullable<Awaited<ReturnType<typeof loadMember>>> }> {
  const email = `${name}@example.com`;
  const member = await loadMember(db, email, "w");
  if (!member) throw new Error(`${name} is no member`);
  const account = { email, username: name, superAdmin: false, devops: false };
  const token = { scopes: null, readOnly: false, tokenWorkspace: null, tokenHash: Buffer.alloc(32), tokenPrefix: "" };
  return { member, caller: { kind: "account", account, ...token, byCookie: false } };
}

describe("with many finished and many queued jobs", () => {
  const page = async (name: string, part: Part, filters: JobFilters = {}) => {
    const who = await callerOf(name);
    return readBy(() => listRows(plans.db, { ...who, filters, part, perPage: 30 }));
  };

  test.each(["admin", "alice"])("the newest jobs are read in their order, by %s", async (name) => {
    expect(await page(name, "all")).toContain("job_recent");
    expect(await page(name, "completed")).toContain("job_recent");
  });

  test("the jobs of a path are read from the index of paths", async () => {
    const path = { script_path_exact: { values: ["f/shared/s7"], negated: false } };
    for (const part of ["all", "completed"] as const) expect(await page("admin", part, path)).toContain("job_path");
  });

  test("a job is found by its id", async () => {
    const { id } = await db.one<{ id: string }>(sql`select id from job_done limit 1`);
    const all = ["job_done_pkey", "job_pkey", "job_queue_pkey"];
    expect(await readBy(() => findJob(plans.db, "w", id))).toEqual(all);
    expect(await readBy(() => findJobDetails(plans.db, "w", id))).toEqual(all);
  });
});
