-- The batch's own books. No row belongs to a business; the API may read what ran when.

-- +goose Up
create table runs (
  id          uuid primary key,           -- version 7, so ids sort by start
  job         text not null check (job <> ''),
  as_of       timestamptz not null,
  status      text not null check (status in ('running', 'succeeded', 'partial', 'failed', 'cancelled')),
  started_at  timestamptz not null,
  finished_at timestamptz,
  error       text,
  counts      jsonb not null default '{}' check (jsonb_typeof(counts) = 'object'),
  check ((status = 'running') = (finished_at is null))
);
create index runs_job_idx on runs (job, started_at desc);
call protect_table('runs', 'select, insert, update, delete');
grant select (id, job, as_of, status, started_at, finished_at) on runs to signalcraft_api; -- errors and counts tell of other businesses
create policy service on runs for select to signalcraft_api using (true);

-- Which windows of which model are filled, and from what. A table that is built whole has one row.
create table intervals (
  model        text not null,
  window_start timestamptz not null,
  window_end   timestamptz not null,
  sql_hash     text not null,
  inputs       jsonb not null check (jsonb_typeof(inputs) = 'object'), -- input relation -> snapshot it was read at
  snapshot     bigint not null,           -- of the model's table after the commit
  run_id       uuid not null,
  filled_at    timestamptz not null,
  primary key (model, window_start),
  check (window_start < window_end)
);
call protect_table('intervals', 'select, insert, update, delete');

-- How far each upstream has been read for each of its subjects: a location, a business's news, a currency. What
-- lies in the lake does not tell, a run may end between two units and a unit may fail while later ones land.
create table readings (
  source     text not null,
  subject    text not null check (subject <> ''),
  read_until timestamptz not null,        -- every unit up to then has landed
  run_id     uuid not null,
  primary key (source, subject)
);
call protect_table('readings', 'select, insert, update, delete');

create table job_schedules (
  job         text primary key,
  cron        text not null,
  time_zone   text not null default 'UTC',
  catch_up    text not null default 'last' check (catch_up in ('none', 'last', 'all')), -- what is made up for of the times missed while nothing ran
  is_active   boolean not null default true,
  last_due_at timestamptz,                -- the latest due time for which a job was queued
  last_run_at timestamptz,                -- when that was done
  next_due_at timestamptz,
  updated_at  timestamptz not null default now()
);
call protect_table('job_schedules', 'select, insert, update, delete');
