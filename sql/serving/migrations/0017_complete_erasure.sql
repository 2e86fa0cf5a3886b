-- What erasure and uploads need to be complete: every deletion is noted however it comes about, KPIs are erased
-- too, and it is known up to which landings the published numbers go.

-- +goose Up

-- The ledger is short; the check reads it once.
alter table erasures
  drop constraint erasures_kind_check,
  add constraint erasures_kind_check check (kind in ('business', 'user', 'kpi'));

-- note_erasure notes whose rows in the lake nobody may find any more. A business goes with its KPIs, which need no lines of
-- their own: its line is there before theirs are asked for.
-- +goose StatementBegin
create function note_erasure() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  if tg_table_name = 'businesses' then
    insert into public.erasures (kind, subject_id, requested_at) values ('business', old.id, now()) on conflict do nothing;
  elsif not exists (select 1 from public.erasures where kind = 'business' and subject_id = old.business_id) then
    insert into public.erasures (kind, subject_id, requested_at) values ('kpi', old.id, now()) on conflict do nothing;
  end if;
  return old;
end $$;
-- +goose StatementEnd

-- erase_published_kpi removes what is published of a KPI, which no foreign key does. For the batch role.
-- +goose StatementBegin
create function erase_published_kpi(gone uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
  target regclass;
begin
  for target in
    select c.oid::regclass from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relnamespace = 'serving'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'kpi_id'
  loop
    execute format('delete from %s where kpi_id = $1', target) using gone;
  end loop;
end $$;
-- +goose StatementEnd
grant execute on function erase_published_kpi(uuid) to signalcraft_batch;

grant create on schema public to signalcraft_batch; -- the ledger is the batch role's to write, also for who deletes
alter function note_erasure() owner to signalcraft_batch;
revoke create on schema public from signalcraft_batch;

create trigger businesses_erased before delete on businesses for each row execute function note_erasure();
create trigger kpis_erased after delete on kpis for each row execute function note_erasure();

-- Up to when what has landed is in the numbers. An upload that had landed by then, with the KPIs that it brought, is in them.
create table freshness (
  part           text primary key check (part in ('metrics', 'forecasts')),
  computed_from  timestamptz,             -- when the marts that were computed last began to read
  published_from timestamptz              -- that of the marts that are published
);
call protect_table('freshness', 'select, insert, update');
grant select on freshness to signalcraft_api;
create policy service on freshness for select to signalcraft_api using (true);
