-- Lock: none that matters, creates new tables only.
-- What a workspace holds: scripts (versions by hash), drafts, favourites, variables, resources and their types.

create table script (
  workspace_id    text not null references workspace on delete cascade on update cascade,
  hash            text not null,
  path            text not null,
  -- newest first; the head of a path is the one row that is neither archived nor deleted
  parent_hashes   text[] not null default '{}',
  summary         text not null default '',
  description     text not null default '',
  content         text not null,
  language        text not null,
  kind            text not null default 'script',
  schema          json,
  -- null = a dependency job still has to write it, '' = none needed
  lock            text,
  lock_error_logs text,
  -- the dependency job that writes the lock
  lock_job        uuid,
  -- every other field of NewScript that was set, under the API's own names: absent means unset
  options         jsonb not null default '{}',
  extra_perms     jsonb not null default '{}',
  is_template     boolean not null default false,
  draft_only      boolean not null default false,
  archived        boolean not null default false,
  deleted         boolean not null default false,
  deployment_msg  text,
  created_by      text not null,
  created_at      timestamptz not null default now(),
  primary key (workspace_id, hash)
);
create unique index script_head on script (workspace_id, path) where not archived and not deleted;
create index script_versions on script (workspace_id, path, created_at desc);
create index script_recent on script (workspace_id, created_at desc) where not archived and not deleted;

create table draft (
  workspace_id text not null references workspace on delete cascade on update cascade,
  kind         text not null,
  path         text not null,
  email        text not null,
  value        json not null,
  created_at   timestamptz not null default now(),
  edited_at    timestamptz not null default now(),
  primary key (workspace_id, kind, path, email)
);

create table favorite (
  workspace_id text not null references workspace on delete cascade on update cascade,
  username     text not null,
  kind         text not null,
  path         text not null,
  primary key (workspace_id, username, kind, path)
);

create table variable (
  workspace_id text not null references workspace on delete cascade on update cascade,
  path         text not null,
  -- base64 ciphertext when is_secret
  value        text not null,
  is_secret    boolean not null default false,
  description  text not null default '',
  account      integer,
  is_oauth     boolean not null default false,
  expires_at   timestamptz,
  labels       text[],
  ws_specific  boolean not null default false,
  extra_perms  jsonb not null default '{}',
  edited_by    text,
  edited_at    timestamptz not null default now(),
  primary key (workspace_id, path)
);

create table resource (
  workspace_id  text not null references workspace on delete cascade on update cascade,
  path          text not null,
  value         json,
  description   text,
  resource_type text not null,
  is_oauth      boolean not null default false,
  labels        text[],
  ws_specific   boolean not null default false,
  extra_perms   jsonb not null default '{}',
  created_by    text,
  edited_at     timestamptz not null default now(),
  primary key (workspace_id, path)
);
create index resource_by_type on resource (workspace_id, resource_type, path);

create table resource_type (
  workspace_id     text not null references workspace on delete cascade on update cascade,
  name             text not null,
  schema           json,
  description      text,
  display_name     text,
  format_extension text,
  is_fileset       boolean,
  created_by       text,
  edited_at        timestamptz not null default now(),
  primary key (workspace_id, name)
);

-- Code that the CLI stores for previews and lock jobs of scripts not deployed yet; swept after a day.
create table raw_script_temp (
  workspace_id text not null references workspace on delete cascade on update cascade,
  hash         text not null,
  content      text not null,
  created_at   timestamptz not null default now(),
  primary key (workspace_id, hash)
);
