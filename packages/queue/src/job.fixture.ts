import type { Member } from "@towermill/contract";
import { sql, type Database } from "@towermill/store";
import { newJobId } from "./id.ts";
import type { NewJob } from "./job.ts";

export const alice: Member = {
  workspace: "admins",
  email: "alice@example.com",
  username: "alice",
  isAdmin: false,
  isOperator: false,
  groups: ["all"],
  foldersRead: [],
  foldersWrite: [],
  foldersOwned: [],
};

/** A job of a test: complete but for what the test is about. */
export function jobOf(fields: Partial<NewJob> = {}): NewJob {
  return {
    id: newJobId(),
    workspace: "admins",
    kind: "preview",
    createdBy: "alice",
    permissionedAs: "u/alice",
    member: alice,
    tag: "bun",
    args: "{}",
    language: "bun",
    rawCode: "export function main() {}",
    ...fields,
  };
}

export async function startTestWorker(db: Database, name = "wk-test"): Promise<string> {
  await db.execute(sql`insert into worker (name, instance, worker_group, tags, slots, ip, version, isolation)
    values (${name}, 'test', 'default', array['bun'], 4, '127.0.0.1', '0', 'none')
    on conflict (name) do update set last_ping = now()`);
  return name;
}

export async function statusOf(db: Database, id: string): Promise<{ status: string; result: string } | undefined> {
  return db.maybe(sql`select status, result from job_done where id = ${id}`);
}
