import { readFileSync } from "node:fs";
import { openPool, sql } from "@towermill/store";
import { whenDone } from "@towermill/testkit";
import { expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";

const count = 10_000;

/** Resident memory of a process in MiB. */
function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

test(
  `${count} queued jobs drain, each ends once, and the worker's memory stays flat`,
  { timeout: 180_000 },
  async () => {
    const instance = await startInstance();
    const db = openPool({ url: instance.databaseUrl, max: 2 });
    whenDone(() => db.close());
    const queue = (n: number): Promise<number> =>
      db.execute(sql`
      with j as (
        insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, tag, args)
        select uuidv7(), 'admins', 'identity', 'admin', 'u/admin', 'admin@windmill.dev',
          '{"workspace":"admins","email":"admin@windmill.dev","username":"admin","isAdmin":true,"isOperator":false,"groups":["all"],"foldersRead":[],"foldersWrite":[],"foldersOwned":[]}',
          'bun', json_build_object('n', n) from generate_series(1, ${n}::int) n
        returning id, tag)
      insert into job_queue (id, workspace_id, tag, scheduled_for) select id, 'admins', tag, now() from j`);
    const drained = async (): Promise<void> => {
      while ((await db.one<{ n: number }>(sql`select count(*)::int as n from job_queue`)).n > 0)
        await new Promise((resolve) => setTimeout(resolve, 100));
    };
    await queue(2000);
    await drained();
    const before = residentMb(instance.process.pid);
    await queue(count);
    await drained();
    const grown = residentMb(instance.process.pid) - before;
    const { ended, wrong } = await db.one<{ ended: number; wrong: number }>(sql`
    select count(*)::int as ended, count(*) filter (where d.status <> 'success' or d.result::text <> j.args::text)::int as wrong
    from job_done d join job j using (id)`);
    expect({ ended, wrong }).toEqual({ ended: count + 2000, wrong: 0 });
    expect(grown).toBeLessThan(100);
  },
);
