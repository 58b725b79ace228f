-- Lock: none that matters, creates a new table only.
-- Groups of accounts over all workspaces.

create table instance_group (
  name              text primary key,
  summary           text,
  emails            text[] not null default '{}',
  -- identities of the group in a directory elsewhere; kept and given back
  id                text,
  scim_display_name text,
  external_id       text
);
