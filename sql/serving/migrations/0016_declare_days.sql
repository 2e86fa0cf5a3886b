-- What a business says of its days and of the values that its KPIs can take.

-- +goose Up

alter table kpis
  add column lowest     double precision check (lowest between -1e300 and 1e300),   -- null: no end
  add column highest    double precision check (highest between -1e300 and 1e300),
  add column is_integer boolean not null default false,
  add column part_of    uuid,                -- the KPI that is the total of this one and its siblings, such as all locations
  add constraint kpis_range_check check (lowest < highest and (not non_negative or highest > 0)),
  add constraint kpis_part_of_check check (part_of <> id),
  add constraint kpis_part_of_fkey foreign key (business_id, part_of) references kpis (business_id, id) on delete set null (part_of);
create index kpis_part_of_idx on kpis (business_id, part_of);

create table calendar_entries (
  business_id uuid not null references businesses on delete cascade,
  id          uuid not null,
  kpi_id      uuid,                          -- null: every KPI of the business
  kind        text not null check (kind in ('event', 'closed', 'incident')),
  name        text not null check (name <> ''),
  first_day   date not null,                 -- local days of the business
  last_day    date not null,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (business_id, id),
  foreign key (business_id, kpi_id) references kpis (business_id, id) on delete cascade,
  check (last_day between first_day and first_day + 366)
);
create index calendar_entries_day_idx on calendar_entries (business_id, first_day, id);
create index calendar_entries_kpi_idx on calendar_entries (business_id, kpi_id);
call protect_tenant_table('calendar_entries', 'select, insert, update, delete', 'select');
call protect_writes('calendar_entries', 'analyst');
