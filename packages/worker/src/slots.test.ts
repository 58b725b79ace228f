import type { Member } from "@towermill/contract";
import { createDispatcher, giveBackJobs, newJobId, pushJob, type ClaimedJob } from "@towermill/queue";
import { openBus, silentLog, sql, type Database, type Sql } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { afterEach, expect, test } from "vitest";
import { createCompleter } from "./completer.ts";
import { alreadyWritten, createSlots, type Slots } from "./slots.ts";

const { db, url } = await testDatabase();
const bus = await openBus({ url });
const dispatcher = createDispatcher({ db, bus });
whenDone(() => bus.close());

const member: Member = {
  workspace: "admins",
  email: "alice@example.com",
  username: "alice",
  isAdmin: false,
  isOperator: false,
  groups: [],
  foldersRead: [],
  foldersWrite: [],
  foldersOwned: [],
};

afterEach(async () => {
  await db.execute(sql`truncate job, job_queue, job_done`);
});

async function push(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newJobId());
  const common = {
    workspace: "admins",
    kind: "script" as const,
    createdBy: "alice",
    permissionedAs: "u/alice",
    member,
  };
  for (const id of ids) await pushJob(db, { id, ...common, tag: "bun", args: null });
  return ids;
}

/** Two slots whose jobs are done when `work` resolves, as a worker runs them. */
function world(work: (job: ClaimedJob) => Promise<void>): { slots: Slots; ran: string[]; statements: string[] } {
  const ran: string[] = [];
  const statements: string[] = [];
  const noted =
    <T>(send: (statement: Sql) => Promise<T>) =>
    (statement: Sql): Promise<T> => {
      if (statement.name !== undefined) statements.push(statement.name);
      return send(statement);
    };
  const own = { ...db, query: noted(db.query.bind(db)), one: noted(db.one.bind(db)), maybe: noted(db.maybe.bind(db)) };
  const slots: Slots = createSlots({
    db: own as Database,
    log: silentLog,
    worker: "wk-test",
    tags: ["bun"],
    count: 2,
    async run({ job }) {
      await work(job);
      ran.push(job.id);
      const next = slots.next();
      const written = completer.complete({
        id: job.id,
        attempt: job.attempt,
        status: "success",
        result: "1",
        limited: false,
        freesSlot: next === null,
      });
      if (next) return { job: next, isWritten: alreadyWritten };
      await written;
      return null;
    },
  });
  const completer = createCompleter({ db: own as Database, dispatcher, log: silentLog, slots });
  return { slots, ran, statements };
}

const done = async (): Promise<number> => (await db.one<{ n: number }>(sql`select count(*)::int as n from job_done`)).n;
const running = async (): Promise<number> =>
  (await db.one<{ n: number }>(sql`select count(*)::int as n from job_queue where running`)).n;

test("short jobs are claimed ahead of their slots: many share a commit, each runs once", async () => {
  const ids = await push(60);
  const { slots, ran, statements } = world(async () => undefined);
  slots.fill();
  await expect.poll(done).toBe(60);
  expect(ran.toSorted()).toEqual(ids.toSorted());
  expect(statements.length).toBeLessThan(30);
  slots.close();
});

test("nothing is claimed ahead while jobs are long: others may have what waits", async () => {
  await push(8);
  let most = 0;
  const { slots } = world(async () => {
    most = Math.max(most, await running());
    await new Promise((resolve) => setTimeout(resolve, 40));
  });
  slots.fill();
  await expect.poll(done).toBe(8);
  expect(most).toBe(2);
  slots.close();
});

test("what was claimed ahead and has not begun goes back, and runs once elsewhere", async () => {
  const ids = await push(40);
  let stuck = false;
  let release: () => void = () => undefined;
  const free = new Promise<void>((resolve) => (release = resolve));
  const first = world(async () => {
    if (first.ran.length >= 10) stuck = true;
    if (stuck) await free;
  });
  first.slots.fill();
  await expect.poll(() => stuck).toBe(true);
  first.slots.close();
  const some = ids.find((id) => first.slots.holds(id));
  const back = first.slots.drop("all");
  expect(back.length).toBeGreaterThan(0);
  expect(back.map(({ id }) => id)).toContain(some);
  await giveBackJobs(db, back);
  const second = world(async () => undefined);
  second.slots.fill();
  release();
  await expect.poll(done).toBe(40);
  expect([...first.ran, ...second.ran].toSorted()).toEqual(ids.toSorted());
  second.slots.close();
});
