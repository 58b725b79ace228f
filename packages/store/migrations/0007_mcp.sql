-- Lock: none that matters, creates new tables only.
-- MCP: open streams of the older transport and messages on their way to them; OAuth clients, codes and grants.

-- Nothing here survives its stream, so neither table is logged.
create unlogged table mcp_stream (
  id           text primary key,
  -- SHA-256 of the token that opened it, in hex
  principal    text not null,
  workspace_id text not null,
  seen_at      timestamptz not null default now()
);
create unlogged table mcp_message (
  id      bigint generated always as identity primary key,
  stream  text not null references mcp_stream on delete cascade,
  message text not null
);
create index mcp_message_stream on mcp_message (stream, id);

-- Clients that registered themselves (RFC 7591). Those that are their own metadata document need no row.
create table oauth_client (
  id            text primary key,
  name          text not null,
  redirect_uris text[] not null,
  created_at    timestamptz not null default now(),
  last_used_at  timestamptz not null default now()
);

-- One consent of an account to a client: its refresh tokens and access tokens follow each other, and end together.
create table oauth_grant (
  id           uuid primary key default gen_random_uuid(),
  client_id    text not null,
  client_name  text not null,
  email        text not null references account on delete cascade on update cascade,
  -- the address the tokens are for (RFC 8707)
  resource     text not null,
  workspace_id text references workspace on delete cascade on update cascade,
  scopes       text[] not null,
  read_only    boolean not null default false,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz not null default now()
);
create index oauth_grant_email on oauth_grant (email);

create table oauth_code (
  hash           bytea primary key,
  grant_id       uuid not null references oauth_grant on delete cascade,
  redirect_uri   text not null,
  code_challenge text not null,
  expires_at     timestamptz not null,
  used           boolean not null default false
);

create table oauth_refresh (
  hash       bytea primary key,
  grant_id   uuid not null references oauth_grant on delete cascade,
  expires_at timestamptz not null,
  used       boolean not null default false
);
create index oauth_refresh_grant on oauth_refresh (grant_id);

-- Which access tokens a grant gave out; a token that is not here was made otherwise.
create table oauth_token (
  hash     bytea primary key references token on delete cascade,
  grant_id uuid not null references oauth_grant on delete cascade
);
create index oauth_token_grant on oauth_token (grant_id);
