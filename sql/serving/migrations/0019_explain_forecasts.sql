-- What forecasts are made of, why they are as they are, and how far those of the past were from what came.

-- +goose Up

-- Columns without a default rewrite nothing and lock the table for an instant. Vintages from before have nulls.
alter table serving.forecasts
  add column trend         double precision, -- the parts of the mean: they sum to what it was before it was brought into the KPI's range
  add column seasonal      double precision,
  add column long_seasonal double precision,
  add column calendar      double precision,
  add column measured      double precision,
  add column scale         double precision, -- on the first day of a vintage only: error of the seasonal naive forecast in history
  add column explanation   text;             -- on the first day of a vintage only: JSON

-- Publication drops vintages by age, which lie behind business and KPI in the primary key. Building the index reads the table
-- once and keeps publishing out for so long; readers go on.
create index forecasts_vintage_idx on serving.forecasts (vintage);

create table serving.forecast_accuracy (
  business_id  uuid not null,
  kpi_id       uuid not null,
  vintage      date not null,
  horizon_from integer not null,           -- first and last day of the band, counted from the last observed day
  horizon_to   integer not null,
  method       text not null,
  days         bigint not null,            -- days of the band that came
  mae          double precision not null,  -- in the KPI's unit
  mase         double precision,           -- null when the history has no scale
  smape        double precision not null,  -- percent, 0 to 200
  bias         double precision not null,  -- forecast less value, in the KPI's unit
  coverage_80  double precision not null,  -- shares of the days inside the bounds
  coverage_95  double precision not null,
  naive_days   bigint not null,            -- days on which the seasonal naive forecast can be held against it
  naive_mae    double precision,           -- its error on them, and that of the forecast on the same days
  paired_mae   double precision,
  primary key (business_id, kpi_id, vintage, horizon_from)
);
create index forecast_accuracy_vintage_idx on serving.forecast_accuracy (vintage);
call protect_tenant_table('serving.forecast_accuracy', 'select', 'select, insert, update, delete');
