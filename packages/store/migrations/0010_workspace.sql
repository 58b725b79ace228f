-- Lock: blocks writes to job_done while its index is built, over failed jobs only; the rest creates new tables.
-- The error and success handlers of workspaces.

-- A workspace that has a handler: ends of its jobs between `since` and `until` are dealt with.
create table handler_watch (
  workspace_id text primary key references workspace on delete cascade on update cascade,
  since        timestamptz not null default now(),
  until        timestamptz not null default now()
);

-- Ends that were dealt with, whether or not a handler was started: what makes each one told once. Rows are kept only as
-- long as ends of that age are looked at again.
create table handled_end (
  job_id       uuid primary key,
  workspace_id text not null references workspace on delete cascade on update cascade,
  completed_at timestamptz not null
);
create index handled_end_age on handled_end (workspace_id, completed_at);

create index job_done_failed on job_done (workspace_id, completed_at) where status in ('failure', 'canceled');
