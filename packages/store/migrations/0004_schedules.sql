-- Lock: none that matters, creates new tables only.
-- Schedules, and what became of each moment they were due.

create table schedule (
  workspace_id    text not null references workspace on delete cascade on update cascade,
  path            text not null,
  schedule        text not null,
  timezone        text not null,
  -- 'v2', else the older dialect
  cron_version    text,
  enabled         boolean not null default false,
  script_path     text not null,
  is_flow         boolean not null default false,
  args            json,
  -- every other field that was set, under the API's own names: absent means unset
  options         json not null default '{}',
  labels          text[],
  summary         text,
  description     text,
  paused_until    timestamptz,
  -- why it stopped by itself, or what went wrong last
  error           text,
  permissioned_as text not null,
  email           text not null,
  extra_perms     jsonb not null default '{}',
  edited_by       text not null,
  edited_at       timestamptz not null default now(),
  -- the next moment it is due; null = never again
  next_run_at     timestamptz,
  -- when the ticker looks at it: next_run_at, or later while it waits for a run or for a database that refused;
  -- -infinity = it was not planned yet, infinity = it is never due again
  wake_at         timestamptz not null default '-infinity',
  -- it waited for an earlier run, so what is late was not missed
  waited          boolean not null default false,
  primary key (workspace_id, path)
) with (fillfactor = 80);
create index schedule_wake on schedule (wake_at) where enabled;
create index schedule_recent on schedule (workspace_id, edited_at desc, path);
create index schedule_runnable on schedule (workspace_id, script_path);

-- One row for each moment a schedule was due. The key is what makes a moment run once, whoever ticks.
create table schedule_tick (
  workspace_id text not null,
  path         text not null,
  -- to the millisecond: what programs read is what they find it by
  due          timestamptz not null check (due = date_trunc('milliseconds', due)),
  -- asking = the skip script decides; open = a job is under way; the others are how it ended
  state        text not null check (state in ('asking', 'open', 'success', 'failure', 'canceled', 'skipped', 'missed')),
  -- the job of the last attempt, or the skip script's while it is asked
  job_id       uuid,
  -- attempts that failed before
  failures     integer not null default 0,
  -- how many moments a row of skipped or missed ones stands for
  times        integer not null default 1,
  note         text,
  settled_at   timestamptz,
  primary key (workspace_id, path, due),
  foreign key (workspace_id, path) references schedule on delete cascade on update cascade
);
create index schedule_tick_open on schedule_tick (workspace_id, path) where state in ('asking', 'open');
create index schedule_tick_job on schedule_tick (job_id) where state in ('asking', 'open');
create index schedule_tick_settled on schedule_tick (workspace_id, path, settled_at desc) where settled_at is not null;
