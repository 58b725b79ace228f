-- Lock: blocks writes to job_done while its index is built, over failed jobs only, and to audit; the rest creates new tables.
-- The error and success handlers of workspaces; forks of workspaces; the audit log of one member.

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

-- What an item of a fork was when it was copied from its parent, or when both were last the same: a keyed digest, so that
-- nobody learns a secret from it. null = the parent's item was not copied, so its absence from the fork says nothing.
create table fork_base (
  workspace_id text not null references workspace on delete cascade on update cascade,
  kind         text not null,
  path         text not null,
  digest       bytea,
  primary key (workspace_id, kind, path)
);

-- Migrations of the databases that a workspace names as data tables; kept as files are, not run.
create table datatable_migration (
  workspace_id text not null references workspace on delete cascade on update cascade,
  datatable    text not null,
  timestamp    bigint not null,
  name         text not null,
  code_up      text not null,
  code_down    text,
  primary key (workspace_id, datatable, timestamp)
);

-- Members who are no admins read their own entries only.
create index audit_member on audit (workspace_id, username, id desc);
