-- The published tables. Each mirrors a mart under the mart's column names and is written only by publishing,
-- which keeps it equal to the lake; hence no foreign keys: rows of a business that was deleted go with the next
-- publication, and checking each of millions of rows would be paid in every one. No generated columns, no triggers either.

-- +goose Up
create table serving.publications (
  table_name   text primary key,
  dataset      text not null,
  snapshot     bigint not null,
  run_id       uuid,
  as_of        timestamptz,
  rows         bigint not null,
  published_at timestamptz
);
call protect_table('serving.publications', 'select, insert, update, delete');
grant select on serving.publications to signalcraft_api;
create policy service on serving.publications for select to signalcraft_api using (true);

create table serving.kpi_data (
  business_id        uuid not null,
  kpi_id             uuid not null,
  day                date not null,        -- local day of the business
  starts_at          timestamptz not null, -- when that day begins
  value              double precision,     -- in the KPI's unit
  points             bigint not null,      -- raw points behind the value
  hours_expected     integer not null,     -- 23 or 25 when clocks change
  coverage           double precision,     -- share of the hours that have a point, 0 to 1
  complete           boolean not null,
  currency           text,                 -- of value; null unless it is money
  value_converted    double precision,     -- in converted_currency, at that day's rate; null when it is not money or the rate is unknown
  converted_currency text,
  primary key (business_id, kpi_id, day)
);
create index kpi_data_day_idx on serving.kpi_data (business_id, day, kpi_id);
call protect_tenant_table('serving.kpi_data', 'select', 'select, insert, update, delete');

create table serving.kpi_weekly (
  business_id        uuid not null,
  kpi_id             uuid not null,
  week_start         date not null,        -- Monday
  week_end           date not null,        -- Sunday
  iso_year           integer not null,
  iso_week           integer not null,
  value              double precision,
  value_converted    double precision,
  currency           text,
  converted_currency text,
  days               bigint not null,      -- days of the week that have a value
  points             bigint not null,
  complete           boolean not null,
  primary key (business_id, kpi_id, week_start)
);
call protect_tenant_table('serving.kpi_weekly', 'select', 'select, insert, update, delete');

create table serving.kpi_monthly (
  business_id        uuid not null,
  kpi_id             uuid not null,
  month              date not null,        -- its first day
  value              double precision,
  value_converted    double precision,
  currency           text,
  converted_currency text,
  days               bigint not null,      -- days of the month that have a value
  days_expected      integer not null,
  points             bigint not null,
  complete           boolean not null,
  primary key (business_id, kpi_id, month)
);
call protect_tenant_table('serving.kpi_monthly', 'select', 'select, insert, update, delete');

create table serving.kpi_trends (
  business_id   uuid not null,
  kpi_id        uuid not null,
  day           date not null,
  value         double precision,
  mean_7        double precision,          -- of the last 7 days; null with too few values, as below
  mean_28       double precision,
  change_week   double precision,          -- fraction, against 7, 28 and 364 days before
  change_month  double precision,
  change_year   double precision,
  slope_28      double precision,          -- in the KPI's unit for each day
  volatility_28 double precision,
  primary key (business_id, kpi_id, day)
);
call protect_tenant_table('serving.kpi_trends', 'select', 'select, insert, update, delete');

create table serving.kpi_anomalies (
  business_id uuid not null,
  kpi_id      uuid not null,
  grain       text not null,               -- day or hour
  starts_at   timestamptz not null,
  day         date not null,
  hour        integer,                     -- null for days
  value       double precision,
  expected    double precision,
  lower       double precision,            -- what is ordinary lies from lower to upper
  upper       double precision,
  deviation   double precision,
  score       double precision,            -- in robust standard deviations
  direction   text,                        -- above or below
  severity    text,                        -- minor, major or critical
  method      text,
  past_values bigint,
  primary key (business_id, kpi_id, grain, starts_at)
);
create index kpi_anomalies_day_idx on serving.kpi_anomalies (business_id, day);
call protect_tenant_table('serving.kpi_anomalies', 'select', 'select, insert, update, delete');

create table serving.forecasts (
  business_id uuid not null,
  kpi_id      uuid not null,
  vintage     date not null,
  day         date not null,
  horizon     integer not null,
  mean        double precision not null,
  lower_80    double precision not null,
  upper_80    double precision not null,
  lower_95    double precision not null,
  upper_95    double precision not null,
  method      text not null,
  selected_on date not null,
  mase        double precision,
  primary key (business_id, kpi_id, vintage, day)
);
call protect_tenant_table('serving.forecasts', 'select', 'select, insert, update, delete');

create table serving.news_articles (
  business_id    uuid not null,
  url            text not null,
  title          text,
  domain         text,
  language       text,
  source_country text,
  seen_at        timestamptz not null,     -- first seen
  day            date not null,            -- local day of the business
  query          text,
  is_copy        boolean,                  -- the same title was seen earlier that day
  score          double precision,         -- tone from -1 to 1; null when it was not scored
  primary key (business_id, url)
);
create index news_articles_seen_idx on serving.news_articles (business_id, seen_at desc, url);
call protect_tenant_table('serving.news_articles', 'select', 'select, insert, update, delete');

create table serving.news_daily (
  business_id    uuid not null,
  day            date not null,
  articles       bigint not null,
  stories        bigint not null,          -- different titles
  scored         bigint not null,          -- stories with a tone
  mean_score     double precision,
  share_negative double precision,
  primary key (business_id, day)
);
call protect_tenant_table('serving.news_daily', 'select', 'select, insert, update, delete');

create table serving.weather_data (
  business_id       uuid not null,
  day               date not null,         -- local day of the location
  location_id       text not null,
  kind              text not null,         -- archive (measured) or forecast
  temperature_min   double precision,      -- °C
  temperature_max   double precision,
  temperature_mean  double precision,
  precipitation_sum double precision,      -- mm
  snowfall_sum      double precision,      -- cm
  wind_speed_max    double precision,      -- km/h
  weather_code      integer,               -- WMO 4677
  primary key (business_id, day)
);
call protect_tenant_table('serving.weather_data', 'select', 'select, insert, update, delete');

create table serving.business_days (
  business_id       uuid not null,
  kpi_id            uuid not null,
  day               date not null,
  weekday           integer not null,      -- 1 (Monday) to 7
  value             double precision,
  complete          boolean,
  currency          text,
  value_converted   double precision,
  temperature_min   double precision,
  temperature_max   double precision,
  temperature_mean  double precision,
  precipitation_sum double precision,
  snowfall_sum      double precision,
  wind_speed_max    double precision,
  weather_code      integer,
  weather_kind      text,
  articles          bigint,
  mean_score        double precision,
  share_negative    double precision,
  is_holiday        boolean,               -- null in years whose holidays are not known
  holiday           text,
  primary key (business_id, kpi_id, day)
);
call protect_tenant_table('serving.business_days', 'select', 'select, insert, update, delete');

-- Rates belong to nobody: every business may read them.
create table serving.market_data (
  currency text not null,                  -- ISO 4217
  day      date not null,                  -- day that the rate is used for
  rate     double precision not null,      -- units of the currency for one euro
  rate_day date not null,                  -- day that it was published for
  provider text not null,
  primary key (currency, day)
);
call protect_table('serving.market_data', 'select, insert, update, delete');
grant select on serving.market_data to signalcraft_api;
create policy everyone on serving.market_data for select to signalcraft_api using (true);
