-- Lock: none that matters, creates new tables only.
-- Who may do what: accounts, workspaces, members, groups, folders, tokens, settings, audit, the leader's lease.

create table account (
  email           text primary key check (email = lower(email)),
  login_type      text not null default 'password',
  password_hash   text,
  super_admin     boolean not null default false,
  devops          boolean not null default false,
  verified        boolean not null default true,
  disabled        boolean not null default false,
  first_time_user boolean not null default false,
  name            text,
  company         text,
  username        text unique,
  created_at      timestamptz not null default now()
);

create table workspace (
  id                  text primary key,
  name                text not null,
  owner               text not null,
  color               text,
  parent_workspace_id text,
  deleted             boolean not null default false,
  created_at          timestamptz not null default now(),
  -- every field of `get_settings` that is only kept and echoed, under the API's own names
  settings            jsonb not null default '{}'
);

-- The workspace's encryption key, itself encrypted with the instance key, which is never in the database.
create table workspace_key (
  workspace_id text primary key references workspace on delete cascade on update cascade,
  wrapped      bytea not null
);

create table member (
  workspace_id text not null references workspace on delete cascade on update cascade,
  username     text not null,
  email        text not null,
  is_admin     boolean not null default false,
  operator     boolean not null default false,
  disabled     boolean not null default false,
  added_via    jsonb,
  created_at   timestamptz not null default now(),
  primary key (workspace_id, username),
  unique (workspace_id, email)
);
create index member_email on member (email);

create table workspace_invite (
  workspace_id text not null references workspace on delete cascade on update cascade,
  email        text not null,
  is_admin     boolean not null default false,
  operator     boolean not null default false,
  primary key (workspace_id, email)
);

create table group_ (
  workspace_id text not null references workspace on delete cascade on update cascade,
  name         text not null,
  summary      text,
  extra_perms  jsonb not null default '{}',
  primary key (workspace_id, name)
);

create table group_member (
  workspace_id text not null,
  group_name   text not null,
  username     text not null,
  primary key (workspace_id, group_name, username),
  foreign key (workspace_id, group_name) references group_ on delete cascade on update cascade
);
create index group_member_username on group_member (workspace_id, username);

create table folder (
  workspace_id            text not null references workspace on delete cascade on update cascade,
  name                    text not null,
  display_name            text,
  summary                 text,
  owners                  text[] not null default '{}',
  extra_perms             jsonb not null default '{}',
  default_permissioned_as jsonb,
  labels                  text[],
  created_by              text,
  edited_at               timestamptz not null default now(),
  primary key (workspace_id, name)
);

-- Only the SHA-256 of a token is stored. Sessions are tokens labelled `session`. Tokens of jobs are not here:
-- their hash lives in the job's queue row and dies with it.
create table token (
  hash         bytea primary key,
  prefix       text not null,
  email        text not null references account on delete cascade on update cascade,
  label        text,
  expiration   timestamptz,
  scopes       text[],
  workspace_id text references workspace on delete cascade on update cascade,
  read_only    boolean not null default false,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz not null default now()
);
create index token_email on token (email, created_at desc);
create index token_expiration on token (expiration) where expiration is not null;

-- Failed logins, kept in the database so that the limit holds over any number of servers.
create table login_failure (
  subject text not null,
  at      timestamptz not null default now()
);
create index login_failure_subject on login_failure (subject, at);

create table global_setting (
  name  text primary key,
  value jsonb not null
);

-- Worker group configurations (`worker__default`…).
create table config (
  name   text primary key,
  config jsonb not null
);

create table audit (
  id           bigint generated always as identity primary key,
  workspace_id text not null,
  timestamp    timestamptz not null default now(),
  username     text not null,
  operation    text not null,
  action_kind  text not null,
  resource     text,
  parameters   jsonb
);
create index audit_workspace on audit (workspace_id, id desc);

create table lease (
  name   text primary key,
  holder text not null,
  epoch  bigint not null default 1,
  until  timestamptz not null
);

insert into workspace (id, name, owner) values ('admins', 'Admins', 'system');
insert into group_ (workspace_id, name, summary) values ('admins', 'all', 'Every member of the workspace');
