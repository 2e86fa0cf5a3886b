-- Files that people send, from their receipt to their landing. The bytes lie in a file of the machine, named by id.

-- +goose Up
create table uploads (
  business_id    uuid not null references businesses on delete cascade,
  id             uuid not null,
  created_by     uuid references users on delete set null,
  name           text not null check (name <> ''),           -- as its sender calls it; never a path
  content        text not null check (content ~ '^[0-9a-f]{64}$'), -- SHA-256 of the bytes, by which the same file is known
  size_bytes     bigint not null check (size_bytes >= 0),
  status         text not null default 'previewed' check (status in ('previewed', 'queued', 'landing', 'landed', 'failed')),
  choices        jsonb not null default '{}' check (jsonb_typeof(choices) = 'object'), -- what its sender has decided so far
  preview        jsonb not null default '{}' check (jsonb_typeof(preview) = 'object'), -- what was understood of it, with these choices
  spec           jsonb check (jsonb_typeof(spec) = 'object'), -- how it is read, once that was confirmed
  source_id      uuid,
  bytes_read     bigint not null default 0,
  rows_sent      bigint,                  -- landed + rejected + left out
  rows_landed    bigint,                  -- good values, all of them in the lake
  rows_unchanged bigint,                  -- of these, how many the lake held before
  rows_rejected  bigint,                  -- refused values, all of them in quarantine
  rows_repeated  bigint,                  -- of these, how many say again what an earlier row said
  rows_left_out  bigint,                  -- values of KPIs that the sender left out
  problem        text,                    -- why it failed
  run_id         uuid,                    -- the run that landed it
  as_of          timestamptz,             -- that run's instant
  created_at     timestamptz not null default now(),
  committed_at   timestamptz,
  finished_at    timestamptz,
  primary key (business_id, id),
  unique (business_id, content),
  foreign key (business_id, source_id) references kpi_sources (business_id, id) on delete set null (source_id),
  check (status = 'previewed' or spec is not null)
);
create index uploads_id_idx on uploads (id);
create index uploads_source_idx on uploads (business_id, source_id);
create index uploads_created_by_idx on uploads (created_by);
create index uploads_waiting_idx on uploads (committed_at) where status in ('queued', 'landing');
call protect_tenant_table('uploads', 'select, insert, update, delete', 'select, insert, update, delete');
call protect_writes('uploads', 'analyst');

-- The first refused rows of an upload; all of them are in the lake's quarantine.
create table upload_rejects (
  business_id uuid not null,
  upload_id   uuid not null,
  number      bigint not null,            -- from 1, in the order of the file
  line        bigint,                     -- line or row of the file, from 1
  reason      text not null,
  raw         text not null,              -- at most 4 KiB
  primary key (business_id, upload_id, number),
  foreign key (business_id, upload_id) references uploads (business_id, id) on delete cascade
);
call protect_tenant_table('upload_rejects', 'select', 'select, insert, delete');

-- request_home looks the business of an upload up as the owner, who may be no superuser.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on uploads for select to %I using (true)', current_user);
end $$;
-- +goose StatementEnd
