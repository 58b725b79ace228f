import { sql } from "@towermill/store";
import type { Duty } from "./duty.ts";

/** Wipes arguments, result and log of jobs whose script asked for it (`delete_after_secs`). */
export const wipe: Duty = {
  name: "wipe",
  everyMs: 5000,
  async run({ db }) {
    await db.execute(sql`
      with due as (
        update job_done set result = '{}', deleted = true, delete_at = null
        where delete_at <= now() returning id
      ), logs as (
        delete from job_log l using due where l.job_id = due.id
      ), live as (
        delete from job_live l using due where l.id = due.id
      )
      update job j set args = '{}' from due where j.id = due.id`);
  },
};
