import { totalmem } from "node:os";

export interface SettingsOptions {
  /** False trades safety against a power cut for speed: only for tests. */
  readonly durable: boolean;
  /** Memory this process may use, bytes; default: the machine's or the container's. */
  readonly memoryBytes?: number;
}

/** The text of `towermill.conf`, which the cluster's postgresql.conf includes. Written anew at each start. */
export function serverSettings(options: SettingsOptions): string {
  const lines = { ...tuned(options.memoryBytes ?? availableMemory()), ...(options.durable ? {} : fleeting) };
  const body = Object.entries(lines).map(([name, value]) => `${name} = '${value}'`);
  return [
    "# Written by Towermill at each start. Own settings: ALTER SYSTEM SET …, which wins over this file.",
    ...body,
    "",
  ].join("\n");
}

const fleeting = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  max_wal_size: "256MB",
  logging_collector: "off",
};

function tuned(memoryBytes: number): Record<string, string> {
  const eighth = Math.trunc(memoryBytes / 8 / 2 ** 20);
  return {
    max_connections: "200",
    shared_buffers: `${Math.min(512, Math.max(128, eighth))}MB`,
    effective_cache_size: `${Math.max(256, eighth * 4)}MB`,
    synchronous_commit: "on",
    checkpoint_timeout: "15min",
    max_wal_size: "1GB",
    min_wal_size: "128MB",
    random_page_cost: "1.1",
    jit: "off",
    // Short statements only; and a container's 64 MB of /dev/shm is too small for parallel joins.
    max_parallel_workers_per_gather: "0",
    // The queue's tables live on quick vacuuming: dead rows slow claims long before the defaults act.
    autovacuum_naptime: "10s",
    autovacuum_vacuum_scale_factor: "0.02",
    autovacuum_analyze_scale_factor: "0.05",
    autovacuum_vacuum_cost_delay: "0",
    lc_messages: "C",
    timezone: "UTC",
    log_timezone: "UTC",
    // One file per weekday, each overwritten after a week: the log never grows for ever.
    logging_collector: "on",
    log_directory: "log",
    log_filename: "postgresql-%a.log",
    log_truncate_on_rotation: "on",
    log_rotation_age: "1d",
    log_rotation_size: "0",
    log_line_prefix: "%m [%p] %a ",
    log_checkpoints: "off",
    log_lock_waits: "on",
    log_min_duration_statement: "5s",
    // Parameter values may be secrets.
    log_parameter_max_length: "0",
    log_parameter_max_length_on_error: "0",
  };
}

function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
