import { readLog, type JobStatus } from "@towermill/queue";
import { named, sql, type Queryable } from "@towermill/store";

/** From where on a client wants logs and streamed results; counted in UTF-16 units. */
export interface Offsets {
  log: number;
  stream: number;
}

export interface UpdateOptions {
  logs: boolean;
  progress: boolean;
}

/** What is new of a job. Absent = nothing new. */
export interface Update {
  running: boolean;
  completed: boolean;
  new_logs?: string;
  log_offset: number;
  mem_peak?: number;
  progress?: number;
  new_result_stream?: string;
  stream_offset: number;
}

interface State {
  running: boolean | null;
  status: JobStatus | null;
  mem_peak_kb: number | null;
  progress: number | null;
  stream: string | null;
}

/** What changed of a job since the offsets; `null` when the job is gone. */
export async function readUpdate(
  db: Queryable,
  id: string,
  { offsets, options }: { offsets: Offsets; options: UpdateOptions },
): Promise<Update | null> {
  const state = await db.maybe<State>(
    named(
      "job_update",
      sql`select q.running, d.status, coalesce(d.mem_peak_kb, l.mem_peak_kb) as mem_peak_kb, l.progress, l.stream
        from job j left join job_queue q on q.id = j.id left join job_done d on d.id = j.id left join job_live l on l.id = q.id
        where j.id = ${id}`,
    ),
  );
  if (!state || (state.running === null && state.status === null)) return null;
  // after the state: a log that is complete when the job is, is read completely
  const logs = options.logs ? await readLog(db, id, offsets.log) : "";
  const stream = state.stream?.slice(offsets.stream) ?? "";
  return {
    running: state.running ?? false,
    completed: state.status !== null,
    ...(logs === "" ? {} : { new_logs: logs }),
    log_offset: offsets.log + logs.length,
    ...(state.mem_peak_kb === null ? {} : { mem_peak: state.mem_peak_kb }),
    ...(options.progress && state.progress !== null ? { progress: state.progress } : {}),
    ...(stream === "" ? {} : { new_result_stream: stream }),
    stream_offset: offsets.stream + stream.length,
  };
}
