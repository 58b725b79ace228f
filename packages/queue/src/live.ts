import { named, sql, type Queryable } from "@towermill/store";

/** What a running job shows besides its log. Once it has ended that is as good as gone; a duty sweeps it up later. */
export interface Live {
  progress: number | null;
  memPeakKb: number | null;
  /** Text the script streamed as its result so far. */
  stream: string | null;
}

/** Progress only rises and stays below 100 until the job ends. @param percent 0..99, clamped */
export async function setProgress(db: Queryable, jobId: string, percent: number): Promise<void> {
  const clamped = Math.max(0, Math.min(99, Math.trunc(percent)));
  await db.execute(sql`insert into job_live (id, progress) select id, ${clamped} from job_queue where id = ${jobId}
    on conflict (id) do update set progress = greatest(job_live.progress, excluded.progress)`);
}

export async function appendStream(
  db: Queryable,
  { jobId, attempt, text }: { jobId: string; attempt: number; text: string },
): Promise<void> {
  await db.execute(
    named(
      "append_stream",
      sql`insert into job_live (id, stream) select id, ${text} from job_queue where id = ${jobId} and attempt = ${attempt}
        on conflict (id) do update set stream = coalesce(job_live.stream, '') || excluded.stream`,
    ),
  );
}

export async function readLive(db: Queryable, jobId: string): Promise<Live | null> {
  const row = await db.maybe<{ progress: number | null; mem_peak_kb: number | null; stream: string | null }>(
    named(
      "read_live",
      sql`select l.progress, l.mem_peak_kb, l.stream from job_live l join job_queue q using (id) where l.id = ${jobId}`,
    ),
  );
  return row ? { progress: row.progress, memPeakKb: row.mem_peak_kb, stream: row.stream } : null;
}
