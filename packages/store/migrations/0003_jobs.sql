-- Lock: none that matters, creates new tables only.
-- Jobs, split by temperature. `job` is written once; `job_queue` is the small hot table; `job_done` is what came of it.
-- `job`, `job_done` and `job_log` are partitioned by id: ids are UUIDv7, so an id range is a time range, a look-up by id
-- reads one partition, the primary key is global, and retention drops whole partitions. Ids chosen by callers that are
-- not UUIDv7 live in the default partition.

create table job (
  id              uuid not null,
  workspace_id    text not null,
  kind            text not null,
  created_at      timestamptz not null default now(),
  created_by      text not null,
  permissioned_as text not null,
  email           text not null,
  -- {username, email, isAdmin, isOperator, groups, folders} as they were at push: a later change does not affect the job
  identity        json not null,
  script_path     text,
  script_hash     text,
  language        text,
  tag             text not null,
  args            json,
  raw_code        text,
  raw_lock        text,
  raw_flow        json,
  parent_job      uuid,
  root_job        uuid,
  flow_step_id    text,
  trigger_kind    text,
  trigger_path    text,
  entrypoint      text,
  priority        smallint,
  timeout_s       integer,
  cache_ttl       integer,
  concurrency_key text,
  concurrent_limit integer,
  concurrency_window_s integer,
  visible_to_owner boolean not null default true,
  labels          text[],
  -- rare switches under the API's names: preprocess, delete_after_secs, restart_unless_cancelled, temp_script_refs…
  options         jsonb not null default '{}',
  primary key (id)
) partition by range (id);
create table job_default partition of job default;
create index job_recent on job (workspace_id, created_at desc, id desc);
create index job_path on job (workspace_id, script_path, created_at desc);
create index job_children on job (parent_job) where parent_job is not null;
create index job_root on job (root_job) where root_job is not null;

create table job_queue (
  id              uuid primary key,
  workspace_id    text not null,
  tag             text not null,
  priority        smallint not null default 0,
  scheduled_for   timestamptz not null,
  running         boolean not null default false,
  -- how often the job was claimed: the fence that a late worker cannot pass
  attempt         integer not null default 0,
  -- how often its worker was lost
  restarts        smallint not null default 0,
  worker          text,
  started_at      timestamptz,
  token_hash      bytea,
  concurrency_key text,
  suspend         integer not null default 0,
  suspend_until   timestamptz,
  canceled_by     text,
  canceled_reason text
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.2);
-- what may be claimed next, in order; the tag rides along so that other workers' jobs are skipped inside the index
create index job_queue_claim on job_queue (priority desc, scheduled_for, tag)
  where not running and concurrency_key is null and suspend_until is null;
create index job_queue_claim_limited on job_queue (priority desc, scheduled_for, tag)
  where not running and concurrency_key is not null and suspend_until is null;
create index job_queue_worker on job_queue (worker) where running;
create index job_queue_suspended on job_queue (suspend_until) where suspend_until is not null;

create table job_done (
  id              uuid not null,
  workspace_id    text not null,
  status          text not null check (status in ('success', 'failure', 'canceled', 'skipped')),
  started_at      timestamptz,
  completed_at    timestamptz not null default now(),
  duration_ms     bigint not null,
  result          json,
  canceled_by     text,
  canceled_reason text,
  worker          text,
  mem_peak_kb     integer,
  -- how the process came to the job (`reused`, `fresh`, `cold`) and how long until user code ran
  runner          text,
  start_ms        real,
  labels          text[],
  preprocessed    boolean not null default false,
  deleted         boolean not null default false,
  -- arguments, result and log are wiped then
  delete_at       timestamptz,
  resolution      jsonb,
  primary key (id)
) partition by range (id);
create table job_done_default partition of job_done default;
create index job_done_recent on job_done (workspace_id, completed_at desc);
create index job_done_delete_at on job_done (delete_at) where delete_at is not null;

create table job_log (
  job_id     uuid not null,
  -- position of the chunk's first character in the whole log, in UTF-16 units: what clients count in
  position   integer not null,
  text       text not null,
  primary key (job_id, position)
) partition by range (job_id);
create table job_log_default partition of job_log default;

-- The result of a cancelled job, in the form clients of Windmill read.
create function job_canceled(canceler text, reason text) returns json language sql immutable as $$
  select json_build_object('error', json_build_object('message', format('Job canceled: %s by %s', reason, canceler),
    'name', 'Canceled', 'reason', reason, 'canceler', canceler))
$$;

-- What a running job tells besides logs; gone when it ends.
create table job_live (
  id          uuid primary key,
  progress    smallint,
  mem_peak_kb integer,
  stream      text
) with (fillfactor = 70);

create table worker (
  name          text primary key,
  instance      text not null,
  worker_group  text not null,
  tags          text[] not null,
  slots         integer not null,
  started_at    timestamptz not null default now(),
  last_ping     timestamptz not null default now(),
  ip            text not null,
  version       text not null,
  isolation     text not null,
  jobs_executed bigint not null default 0,
  last_job_id   uuid,
  last_job_workspace_id text,
  occupancy     jsonb not null default '{}',
  vcpus         bigint,
  memory        bigint,
  memory_usage  bigint,
  wm_memory_usage bigint
) with (fillfactor = 50);

-- One row a running or lately ended job of a limited key; the limit counts these under a lock on the key.
create table concurrency_key (
  key text primary key
);
create table concurrency_slot (
  job_id     uuid primary key,
  key        text not null references concurrency_key on delete cascade,
  started_at timestamptz not null default now(),
  ended_at   timestamptz
);
create index concurrency_slot_key on concurrency_slot (key, ended_at);

create table result_cache (
  key          bytea primary key,
  workspace_id text not null,
  result       json,
  expires_at   timestamptz not null
);
create index result_cache_expiry on result_cache (expires_at);
