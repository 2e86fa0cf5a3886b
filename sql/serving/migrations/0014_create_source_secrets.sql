-- Sources that are read over the network or pushed to: when they are due, their secrets, and points that wait to land.

-- +goose Up
alter table kpi_sources
  drop constraint kpi_sources_kind_check, -- checked again at once; sources are few
  add constraint kpi_sources_kind_check check (kind in ('upload', 'file', 'http', 'sheet', 'database', 'push')),
  add column next_due_at  timestamptz,   -- when the schedule comes due next
  add column requested_at timestamptz,   -- when somebody asked for a reading that has not ended yet
  add column validator    text;          -- ETag of what landed whole last
create index kpi_sources_due_idx on kpi_sources (least(requested_at, next_due_at)) where is_active;

-- What a source shows to those that it asks, or is shown by those that push, sealed with a key that is not in the database.
create table source_secrets (
  business_id uuid not null,
  source_id   uuid not null,
  name        text not null check (name <> ''), -- password, header/<name>, parameter/<name>, push/<key id>
  sealed      text not null check (sealed <> ''),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz,                      -- of a push key that another one replaced
  primary key (business_id, source_id, name),
  foreign key (business_id, source_id) references kpi_sources (business_id, id) on delete cascade
);
call protect_tenant_table('source_secrets', 'select, insert, update, delete', 'select, insert, update, delete');
call protect_writes('source_secrets', 'admin');
create policy reading on source_secrets as restrictive for select to signalcraft_api using ((select request_may('admin')));

-- What was pushed and waits to land. A row stays for a while after that, without its points, so that the same request is not taken twice.
create table pushed_batches (
  business_id uuid not null,
  id          uuid not null,
  source_id   uuid not null,
  digest      bytea not null,                -- SHA-256 of what was signed
  received_at timestamptz not null,
  ready_at    timestamptz not null,          -- not before the last of its points
  points      jsonb not null check (jsonb_typeof(points) = 'array'), -- {"k": KPI id, "t": microseconds since 1970, "v": value}
  rejects     jsonb not null check (jsonb_typeof(rejects) = 'array'),
  landed_at   timestamptz,
  primary key (business_id, id),
  unique (business_id, source_id, digest),
  foreign key (business_id, source_id) references kpi_sources (business_id, id) on delete cascade
);
create index pushed_batches_waiting_idx on pushed_batches (received_at) where landed_at is null;
create index pushed_batches_landed_idx on pushed_batches (landed_at) where landed_at is not null;
call protect_tenant_table('pushed_batches', 'select', 'select, insert, update, delete');

-- push_target returns what is needed to judge a push: nobody is signed in then. No row for a source that takes none.
-- +goose StatementBegin
create function push_target(source uuid) returns table (business_id uuid, kpis jsonb, keys jsonb)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
  select s.business_id,
    coalesce((select jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'non_negative', k.non_negative))
      from public.kpis as k where k.business_id = s.business_id and k.source_id = s.id and k.is_active), '[]'),
    coalesce((select jsonb_agg(jsonb_build_object('name', p.name, 'sealed', p.sealed, 'expires_at', p.expires_at))
      from public.source_secrets as p where p.business_id = s.business_id and p.source_id = s.id and p.name like 'push/%'), '[]')
  from public.kpi_sources as s
  where s.id = source and s.kind = 'push' and s.is_active
$$;
-- +goose StatementEnd

-- accept_push keeps a batch whose signature was checked, and returns 'accepted'; 'repeated' when the same request came before;
-- 'waiting' when too much waits already; 'unknown' for a source that takes none.
-- +goose StatementBegin
create function accept_push(source uuid, batch uuid, signed bytea, received timestamptz, ready timestamptz, good jsonb, refused jsonb) returns text
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  home uuid;
begin
  select s.business_id into home from public.kpi_sources as s where s.id = source and s.kind = 'push' and s.is_active;
  if home is null then
    return 'unknown';
  end if;
  if exists (select 1 from public.pushed_batches as b where b.business_id = home and b.source_id = source and b.digest = signed) then
    return 'repeated';
  end if;
  if (select count(*) from (select 1 from public.pushed_batches as b where b.business_id = home and b.source_id = source and b.landed_at is null limit 2000) as waiting) >= 2000 then
    return 'waiting';
  end if;
  insert into public.pushed_batches (business_id, id, source_id, digest, received_at, ready_at, points, rejects)
  values (home, batch, source, signed, received, ready, good, refused)
  on conflict do nothing;
  if not found then
    return 'repeated';
  end if;
  return 'accepted';
end $$;
-- +goose StatementEnd
grant execute on function push_target(uuid), accept_push(uuid, uuid, bytea, timestamptz, timestamptz, jsonb, jsonb) to signalcraft_api;

-- The functions run as the owner, who may be no superuser.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on source_secrets for select to %I using (true)', current_user);
  execute format('create policy owner on pushed_batches to %I using (true) with check (true)', current_user);
end $$;
-- +goose StatementEnd
