-- Lock: none that matters, creates new tables only.
-- Flows: what is deployed, and where every run is.

create table flow (
  workspace_id   text not null references workspace on delete cascade on update cascade,
  path           text not null,
  summary        text not null default '',
  description    text not null default '',
  value          json not null,
  schema         json,
  -- tag, priority, timeout, labels, on_behalf_of… under the API's own names: absent means unset
  options        jsonb not null default '{}',
  extra_perms    jsonb not null default '{}',
  archived       boolean not null default false,
  draft_only     boolean not null default false,
  -- the newest version that was deployed; what runs when the path is run
  version        bigint,
  lock_error_logs text,
  -- the job that writes the locks of inline scripts
  dependency_job uuid,
  edited_by      text not null,
  edited_at      timestamptz not null default now(),
  primary key (workspace_id, path)
);
create index flow_recent on flow (workspace_id, edited_at desc, path) where not archived;

-- Versions never change: a run that began with one ends with it.
create table flow_version (
  id             bigint generated always as identity primary key,
  workspace_id   text not null references workspace on delete cascade on update cascade,
  path           text not null,
  value          json not null,
  schema         json,
  deployment_msg text,
  created_by     text not null,
  created_at     timestamptz not null default now()
);
create index flow_version_path on flow_version (workspace_id, path, id desc);

-- Where a run is. One row for each flow job, iterations and branches that are flows included; nothing in it grows with the
-- number of iterations. Not partitioned: it is rewritten with every step, and an update of one row must look in one place.
create table job_flow (
  id           uuid primary key,
  status       json not null,
  -- grows with every transition: who moves the flow names the one they saw
  revision     integer not null,
  -- `{success, result}` of the step that answers synchronous callers
  early_result json,
  user_states  jsonb
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

-- Every child a flow ever pushed. The key is what makes a child be pushed once, whoever drives the flow.
create table flow_child (
  flow_job  uuid not null,
  step      text not null,
  attempt   integer not null,
  -- -1 = the step has no iterations
  iteration integer not null default -1,
  job       uuid not null,
  kind      text not null,
  -- the innermost flow whose `results` show it, and under which id
  root      uuid not null,
  leaf      text not null,
  -- how the flow counted it, where that is not what the job itself says
  success   boolean,
  primary key (flow_job, step, attempt, iteration)
) partition by range (flow_job);
create table flow_child_default partition of flow_child default;
create index flow_child_leaf on flow_child (root, leaf, job);

-- The items of a loop, one row each: reading one does not grow with their number.
create table flow_item (
  flow_job uuid not null,
  step     text not null,
  attempt  integer not null,
  index    integer not null,
  value    json not null,
  primary key (flow_job, step, attempt, index)
) partition by range (flow_job);
create table flow_item_default partition of flow_item default;

-- Approvals. `job` is the step's, or the flow's own for one of the flow as a whole.
create table flow_resume (
  job        uuid not null,
  resume_id  bigint not null,
  flow_job   uuid not null,
  approver   text,
  approved   boolean not null,
  payload    json,
  created_at timestamptz not null default now(),
  primary key (job, resume_id)
);
create index flow_resume_flow on flow_resume (flow_job);

-- What happened to a flow, in order; written with the transition itself.
create table flow_event (
  flow_job  uuid not null,
  revision  integer not null,
  position  integer not null,
  at        timestamptz not null default clock_timestamp(),
  step      text,
  iteration integer,
  attempt   integer,
  what      text not null,
  detail    json,
  primary key (flow_job, revision, position)
) partition by range (flow_job);
create table flow_event_default partition of flow_event default;

-- The run that waits under a key in case another comes, since when, and how many came before it.
create table debounce (
  key    text primary key,
  job_id uuid not null,
  since  timestamptz not null,
  times  integer not null
);

-- Ends a statement that found something else than it was made for: `TM001` a flow moved meanwhile, `TM002` a job is not
-- (or not any more) what it was taken for. All of the statement is undone.
create function flow_expect(code text, actual bigint, expected bigint) returns boolean language plpgsql as $$
begin
  if actual <> expected then
    raise exception '% of % rows', actual, expected using errcode = code;
  end if;
  return true;
end
$$;
