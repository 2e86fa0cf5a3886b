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
  execute format('create policy owner_revises on businesses for update to %I using (true) with check (true)', current_user);
end $$;
-- +goose StatementEnd

-- The lists of the dashboards, newest first, in the order in which they are cut into pages. Building an index reads the table
-- once and keeps publishing out for so long; readers go on. Each takes the place of an older one with the same beginning.
create index news_articles_day_idx on serving.news_articles (business_id, day desc, seen_at desc, url);
drop index serving.news_articles_seen_idx;
create index kpi_anomalies_newest_idx on serving.kpi_anomalies (business_id, day desc, starts_at desc, kpi_id, grain);
drop index serving.kpi_anomalies_day_idx;
create index business_days_holiday_idx on serving.business_days (business_id, day) where is_holiday;
