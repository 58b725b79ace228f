import { named, sql, type Queryable } from "@towermill/store";

export interface WorkerRegistration {
  /** Names one life of one process: a restarted worker has another name, so its old jobs are rescued. */
  name: string;
  instance: string;
  group: string;
  tags: readonly string[];
  slots: number;
  ip: string;
  version: string;
  isolation: string;
  vcpus: number;
  memory: number;
}

export async function registerWorker(db: Queryable, worker: WorkerRegistration): Promise<void> {
  await db.execute(sql`
    insert into worker (name, instance, worker_group, tags, slots, ip, version, isolation, vcpus, memory)
    values (${worker.name}, ${worker.instance}, ${worker.group}, ${worker.tags}, ${worker.slots}, ${worker.ip},
      ${worker.version}, ${worker.isolation}, ${worker.vcpus}, ${worker.memory})
    on conflict (name) do update set last_ping = now(), tags = excluded.tags, slots = excluded.slots`);
}

export interface Heartbeat {
  name: string;
  jobsExecuted: number;
  lastJob: { id: string; workspace: string } | null;
  /** Share of slot time in use over the windows that have passed: `{now, "15s", "5m", "30m"}`. */
  occupancy: Record<string, number>;
  memoryUsage: number;
}

/** Says that the worker lives; needs no lock but its own row's. @returns false when the row is gone: register again */
export async function pingWorker(db: Queryable, beat: Heartbeat): Promise<boolean> {
  const written = await db.execute(
    named(
      "ping_worker",
      sql`update worker set last_ping = now(), jobs_executed = ${beat.jobsExecuted}, last_job_id = ${beat.lastJob?.id},
        last_job_workspace_id = ${beat.lastJob?.workspace}, occupancy = ${sql.json(beat.occupancy)},
        memory_usage = ${beat.memoryUsage}, wm_memory_usage = ${beat.memoryUsage}
        where name = ${beat.name}`,
    ),
  );
  return written > 0;
}

/** Takes a stopped worker off the list. */
export async function removeWorker(db: Queryable, name: string): Promise<void> {
  await db.execute(sql`delete from worker where name = ${name}`);
}
