-- What kind of anomaly a day is, what it coincided with, how loud a KPI may be, and where each KPI goes.

-- +goose Up

-- Columns without a default rewrite nothing and lock the table for an instant. The next run fills them.
alter table serving.kpi_anomalies
  add column kind         text,              -- spike, dip, level_shift, flat_line, missing or volatility
  add column robust_score double precision,  -- deviation in robust standard deviations, where the seasonal layer saw the value; score is in [0,1]
  add column is_ongoing   boolean;           -- a later day of an anomaly: shown, not told again

alter table kpis
  add column least_deviation double precision check (least_deviation between 0 and 1e300); -- in its unit, below which nothing is an anomaly; null: none

create table serving.kpi_anomaly_context (
  business_id uuid not null,
  kpi_id      uuid not null,
  starts_at   timestamptz not null,          -- of the anomalous day
  day         date not null,
  kind        text not null,                 -- part, weather, holiday, event, closed, news or exchange_rate
  subject     text not null,                 -- the part's KPI, the measure, the name or the currencies
  on_day      date not null,
  strength    double precision not null,     -- 0 to 1
  value       double precision,
  usual       double precision,
  text        text not null,
  primary key (business_id, kpi_id, starts_at, kind, subject)
);
create index kpi_anomaly_context_day_idx on serving.kpi_anomaly_context (business_id, day);
call protect_tenant_table('serving.kpi_anomaly_context', 'select', 'select, insert, update, delete');

create table serving.kpi_trend_statements (
  business_id       uuid not null,
  kpi_id            uuid not null,
  direction         text not null,           -- unknown, steady, rising or falling
  slope             double precision,        -- in the KPI's unit a day, with its 95 % interval; null when the direction is unknown
  slope_low         double precision,
  slope_high        double precision,
  p_value           double precision,
  tau               double precision,
  level             double precision,
  percent_per_month double precision,        -- null when the level is not positive
  first_day         date not null,           -- of the stretch that is spoken of
  last_day          date not null,
  observed          integer not null,        -- values in it
  change_points     text not null,           -- JSON array, oldest first
  primary key (business_id, kpi_id)
);
call protect_tenant_table('serving.kpi_trend_statements', 'select', 'select, insert, update, delete');
