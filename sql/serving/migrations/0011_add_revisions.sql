-- What the dashboards stand on: a number that tells whether a business's own settings or KPIs have changed since an answer was
-- made, and the orders in which its lists are read.

-- +goose Up

-- revision grows with every change of a business or of its KPIs, in the transaction that changes them. Adding a column with a
-- constant default rewrites nothing; it locks the table for an instant.
alter table businesses add column revision bigint not null default 1;

-- +goose StatementBegin
create function revise_business() returns trigger
language plpgsql
as $$
begin
  new.revision := old.revision + 1;
  return new;
end $$;
-- +goose StatementEnd
create trigger businesses_revised before update on businesses for each row execute function revise_business();

-- A change of KPIs counts as one of their business, whoever may change what: it runs as the owner. A statement counts once.
-- +goose StatementBegin
create function revise_business_of_kpis() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  update public.businesses set revision = revision + 1 where id in (select business_id from changed);
  return null;
end $$;
-- +goose StatementEnd
create trigger kpis_added after insert on kpis referencing new table as changed
  for each statement execute function revise_business_of_kpis();
create trigger kpis_changed after update on kpis referencing new table as changed
  for each statement execute function revise_business_of_kpis();
create trigger kpis_removed after delete on kpis referencing old table as changed
  for each statement execute function revise_business_of_kpis();

-- The owner may be no superuser, and row-level security is forced on it too.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on serving.publications for select to %I using (true)', current_user);
  execute format('create policy owner_revises on businesses for update to %I using (true) with check (true)', current_user);
end $$;
-- +goose StatementEnd

-- Every policy asks for the request's business, each query anew. A function in SQL is planned in each query that calls it, which took
-- several times as long as its work; one in PL/pgSQL keeps its plan for the connection. What it returns is the same.
-- +goose StatementBegin
create or replace function request_business() returns uuid
language plpgsql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
  return (
    select m.business_id
    from public.memberships as m
    where m.user_id = public.request_user()
      and m.business_id = coalesce(public.setting_id('app.business_id'),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'business_id')::uuid));
end $$;
-- +goose StatementEnd

-- dashboard_state returns what every answer made of published numbers depends on beside the question: what the request's user
-- is in the request's business, that business with its revision, and which state of the named published tables is seen; no
-- row unless the user is a member. It is asked before each answer, kept ones too, and so runs as the owner, with its plan kept:
-- the policies would ask the same of each table again.
-- +goose StatementBegin
create function dashboard_state(tables text[], at timestamptz)
returns table (role text, name text, time_zone text, currency text, subscription_tier text, revision bigint, today date,
  table_names text[], run_ids uuid[], as_ofs timestamptz[], published_ats timestamptz[], snapshots bigint[], local_days date[])
language plpgsql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select
    m.role,
    b.name,
    b.time_zone,
    b.currency,
    b.subscription_tier,
    b.revision,
    (at at time zone b.time_zone)::date,
    p.table_names,
    p.run_ids,
    p.as_ofs,
    p.published_ats,
    p.snapshots,
    p.local_days
  from public.memberships as m
  inner join public.businesses as b on b.id = m.business_id
  cross join lateral (
    select
      coalesce(array_agg(publications.table_name), '{}') as table_names,
      coalesce(array_agg(coalesce(publications.run_id, '00000000-0000-0000-0000-000000000000')), '{}') as run_ids,
      coalesce(array_agg(publications.as_of), '{}') as as_ofs,
      coalesce(array_agg(publications.published_at), '{}') as published_ats,
      coalesce(array_agg(publications.snapshot), '{}') as snapshots,
      coalesce(array_agg((publications.as_of at time zone b.time_zone)::date), '{}') as local_days
    from serving.publications
    where publications.table_name = any (tables)
      and publications.published_at is not null
      and publications.as_of is not null
  ) as p
  where m.user_id = public.request_user()
    and m.business_id = coalesce(public.setting_id('app.business_id'),
      (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'business_id')::uuid);
end $$;
-- +goose StatementEnd
revoke execute on function dashboard_state(text[], timestamptz) from public;
grant execute on function dashboard_state(text[], timestamptz) to signalcraft_api;

-- The lists of the dashboards, newest first, in the order in which they are cut into pages. Building an index reads the table
-- once and keeps publishing out for so long; readers go on. Each takes the place of an older one with the same beginning.
create index news_articles_day_idx on serving.news_articles (business_id, day desc, seen_at desc, url);
drop index serving.news_articles_seen_idx;
create index kpi_anomalies_newest_idx on serving.kpi_anomalies (business_id, day desc, starts_at desc, kpi_id, grain);
drop index serving.kpi_anomalies_day_idx;
create index business_days_holiday_idx on serving.business_days (business_id, day) where is_holiday;
