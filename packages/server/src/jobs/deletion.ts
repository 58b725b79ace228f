import { sql, type Database } from "@towermill/store";

/** What the log of a wiped job shows. */
const wipedLog = "##DELETED##";

/** Wipes arguments, code, result and log of ended jobs; that they ran stays known. @returns the ids that were wiped */
export async function wipeJobs(db: Database, workspace: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(sql`
    with wiped as (
      update job_done set result = '{}', deleted = true, labels = null
      where id = any(${ids}::uuid[]) and workspace_id = ${workspace} returning id
    ), arguments as (
      update job j set args = '{}' from wiped w where j.id = w.id
    ), live as (
      delete from job_live l using wiped w where l.id = w.id
    ), chunks as (
      delete from job_log l using wiped w where l.job_id = w.id and l.position > 0
    ), log as (
      update job_log l set text = ${wipedLog} from wiped w where l.job_id = w.id and l.position = 0
    )
    select id from wiped`);
  return rows.map((row) => row.id);
}

/** Deletes jobs for good. Those that run are left alone. @returns the ids that are gone */
export async function deleteJobs(db: Database, workspace: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(sql`
    with waiting as (
      delete from job_queue where id = any(${ids}::uuid[]) and workspace_id = ${workspace} and not running returning id
    ), ended as (
      delete from job_done where id = any(${ids}::uuid[]) and workspace_id = ${workspace} returning id
    ), gone as (
      select id from waiting union select id from ended
    ), logs as (
      delete from job_log l using gone g where l.job_id = g.id
    ), live as (
      delete from job_live l using gone g where l.id = g.id
    ), slots as (
      delete from concurrency_slot s using gone g where s.job_id = g.id
    )
    delete from job j using gone g where j.id = g.id returning j.id`);
  return rows.map((row) => row.id);
}
