-- Lock: access exclusive on flow_event and its partitions for as long as their rows take to copy.
-- A row a transition instead of a row an event: a step of a flow writes half as many.

alter table flow_event rename to flow_event_before;
alter index flow_event_pkey rename to flow_event_before_pkey;

create table flow_event (
  flow_job  uuid not null,
  revision  integer not null,
  at        timestamptz not null default clock_timestamp(),
  -- [{what, step, iteration, attempt, detail}] in their order; what has no value is left out
  events    json not null,
  primary key (flow_job, revision)
) partition by range (flow_job);

do $$
declare part record;
begin
  for part in
    select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'flow_event_before'::regclass
  loop
    execute format('alter table %I rename to %I', part.name, part.name || '_before');
    execute format('create table %I partition of flow_event %s', part.name, part.bound);
  end loop;
end
$$;

insert into flow_event (flow_job, revision, at, events)
select flow_job, revision, min(at), json_agg((
    -- the detail keeps its own nulls
    left(json_strip_nulls(json_build_object('what', what, 'step', step, 'iteration', iteration, 'attempt', attempt))::text, -1)
      || coalesce(',"detail":' || detail::text, '') || '}')::json
    order by position)
from flow_event_before group by flow_job, revision;

drop table flow_event_before;
