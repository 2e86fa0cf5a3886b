-- The hours of KPIs that are measured by the hour, of the days that publication keeps.

-- +goose Up

create table serving.kpi_hourly (
  business_id uuid not null,
  kpi_id      uuid not null,
  starts_at   timestamptz not null,        -- when the hour begins; the hour that clocks going back repeat has two rows
  day         date not null,               -- local day of the business that it lies in
  hour        integer not null,            -- local hour, 0 to 23
  value       double precision,            -- in the KPI's unit
  points      bigint not null,             -- raw points behind the value
  currency    text,                        -- of value; null unless it is money
  primary key (business_id, kpi_id, starts_at)
);
create index kpi_hourly_day_idx on serving.kpi_hourly (day); -- publication merges and drops days of all businesses
call protect_tenant_table('serving.kpi_hourly', 'select', 'select, insert, update, delete');
