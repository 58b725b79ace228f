import { named, sql, type Queryable } from "@towermill/store";

export interface LogChunk {
  jobId: string;
  attempt: number;
  /** Where the chunk starts in the whole log, in UTF-16 units: what clients count in. */
  position: number;
  text: string;
}

/** Appends chunks of several jobs at once; those of an attempt that runs no longer are dropped. */
export async function appendLogs(db: Queryable, chunks: readonly LogChunk[]): Promise<void> {
  await db.execute(
    named(
      "append_logs",
      sql`insert into job_log (job_id, position, text)
        select i.id, i.position, i.text
        from unnest(${chunks.map((c) => c.jobId)}::uuid[], ${chunks.map((c) => c.attempt)}::int[],
          ${chunks.map((c) => c.position)}::int[], ${chunks.map((c) => c.text)}::text[]) i(id, attempt, position, text)
        join job_queue q on q.id = i.id and q.attempt = i.attempt
        on conflict (job_id, position) do nothing`,
    ),
  );
}

/** Length of a job's log in UTF-16 units. */
export async function logLength(db: Queryable, jobId: string): Promise<number> {
  const last = await db.maybe<{ position: number; text: string }>(
    sql`select position, text from job_log where job_id = ${jobId} order by position desc limit 1`,
  );
  return last ? last.position + last.text.length : 0;
}

/** Adds a line of the platform's own to a job's log, whatever state the job is in. */
export async function noteInLog(db: Queryable, jobId: string, line: string): Promise<void> {
  const position = await logLength(db, jobId);
  await db.execute(sql`insert into job_log (job_id, position, text) values (${jobId}, ${position}, ${`${line}\n`})
    on conflict (job_id, position) do nothing`);
}

/** The log from `offset` on (UTF-16 units), `""` when there is nothing more. */
export async function readLog(db: Queryable, jobId: string, offset = 0): Promise<string> {
  const rows = await db.query<{ position: number; text: string }>(
    named(
      "read_log",
      sql`select position, text from job_log
        where job_id = ${jobId} and position >= coalesce(
          (select max(position) from job_log where job_id = ${jobId} and position <= ${offset}), 0)
        order by position`,
    ),
  );
  return rows.map((row) => (row.position < offset ? row.text.slice(offset - row.position) : row.text)).join("");
}
