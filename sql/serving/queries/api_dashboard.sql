-- name: EnterBusiness :exec
-- EnterBusiness sets, until the transaction ends, for whom and in which business it acts.
select
  set_config('app.user_id', sqlc.arg(user_id)::text, true),
  set_config('app.business_id', sqlc.arg(business_id)::text, true);

-- name: DashboardState :one
-- Each query of the dashboard runs in a transaction that names its user and business, under row-level
-- security; request_business() is null, and every answer empty, unless the user is a member.
--
-- DashboardState returns what an answer depends on beside the question: who asks, the business and its revision, and
-- which state of the named published tables is seen. No row means that the user is no member. Without a whole run, checked_at is
-- the epoch.
select
  s.role::text as role,
  s.name::text as name,
  s.time_zone::text as time_zone,
  s.currency::text as currency,
  s.subscription_tier::text as subscription_tier,
  s.revision::bigint as revision,
  s.today::date as today,
  s.table_names::text[] as table_names,
  s.run_ids::uuid[] as run_ids,
  s.as_ofs::timestamptz[] as as_ofs,
  s.published_ats::timestamptz[] as published_ats,
  s.snapshots::bigint[] as snapshots,
  s.local_days::date[] as local_days,
  s.checked_at::timestamptz as checked_at
from dashboard_state(sqlc.arg(tables)::text[], sqlc.arg(now)::timestamptz) as s;

-- name: DayPoints :many
-- DayPoints returns the daily points of the business's KPIs in [from_day, to_day), after the point of after_kpi and
-- after_day, at most most of them by KPI and day: one row for each KPI, its points in columns of one length, in no
-- order. Days count from 1970-01-01, NaN stands for null. Without kpis: of all. The lateral part reads one index range for each KPI.
select
  point.kpi_id,
  min(point.name)::text as name,
  min(point.unit)::text as unit,
  coalesce(max(point.currency), '')::text as currency,
  coalesce(max(point.converted_currency), '')::text as converted_currency,
  array_agg(point.day - date '1970-01-01')::integer[] as starts,
  array_agg(coalesce(point.value, 'NaN'))::double precision[] as values,
  array_agg(coalesce(point.value_converted, 'NaN'))::double precision[] as converted,
  array_agg(point.points)::bigint[] as raw,
  array_agg(point.days)::bigint[] as with_value,
  array_agg(point.complete)::boolean[] as complete
from (
  select
    k.id as kpi_id,
    k.name,
    k.unit,
    d.day,
    d.value,
    d.currency,
    d.value_converted,
    d.converted_currency,
    d.points,
    1::bigint as days,
    d.complete
  from kpis as k
  cross join lateral (
    select
      kpi_data.day,
      kpi_data.value,
      kpi_data.currency,
      kpi_data.value_converted,
      kpi_data.converted_currency,
      kpi_data.points,
      kpi_data.complete
    from serving.kpi_data
    where kpi_data.business_id = k.business_id
      and kpi_data.kpi_id = k.id
      and kpi_data.day >= sqlc.arg(from_day)::date
      and kpi_data.day < sqlc.arg(to_day)::date
      and (k.id > sqlc.arg(after_kpi)::uuid or kpi_data.day > sqlc.arg(after_day)::date)
    order by kpi_data.day
    limit sqlc.arg(most)::integer
  ) as d
  where k.business_id = (select request_business())
    and k.id >= sqlc.arg(after_kpi)::uuid
    and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
  order by k.id, d.day
  limit sqlc.arg(most)::integer
) as point
group by point.kpi_id
order by point.kpi_id;

-- name: HourPoints :many
-- HourPoints is DayPoints for the hours of the local days [from_day, to_day), after the one of after_kpi that begins at after_start.
-- They begin so many minutes after 1970. Money is converted at its day's rates, as the lake converts days.
select
  point.kpi_id,
  min(point.name)::text as name,
  min(point.unit)::text as unit,
  coalesce(max(point.currency), '')::text as currency,
  coalesce(max(point.business_currency) filter (where point.currency is not null), '')::text as converted_currency,
  array_agg(extract(epoch from point.starts_at) / 60)::integer[] as starts,
  array_agg(coalesce(point.value, 'NaN'))::double precision[] as values,
  array_agg(coalesce(case when point.currency = point.business_currency then point.value
    else point.value / own.rate * business.rate end, 'NaN'))::double precision[] as converted,
  array_agg(point.points)::bigint[] as raw,
  array_agg(1)::bigint[] as with_value,
  array_agg(true)::boolean[] as complete
from (
  select
    k.id as kpi_id,
    k.name,
    k.unit,
    b.currency as business_currency,
    h.starts_at,
    h.day,
    h.value,
    h.currency,
    h.points
  from kpis as k
  inner join businesses as b on b.id = k.business_id
  cross join lateral (
    select
      kpi_hourly.starts_at,
      kpi_hourly.day,
      kpi_hourly.value,
      kpi_hourly.currency,
      kpi_hourly.points
    from serving.kpi_hourly
    where kpi_hourly.business_id = k.business_id
      and kpi_hourly.kpi_id = k.id
      and kpi_hourly.day >= sqlc.arg(from_day)::date
      and kpi_hourly.day < sqlc.arg(to_day)::date
      -- The instants are those of the key; no zone is a day away from UTC.
      and kpi_hourly.starts_at >= (sqlc.arg(from_day)::date - 1)::timestamp at time zone 'UTC'
      and kpi_hourly.starts_at < (sqlc.arg(to_day)::date + 1)::timestamp at time zone 'UTC'
      and (k.id > sqlc.arg(after_kpi)::uuid or kpi_hourly.starts_at > sqlc.arg(after_start)::timestamptz)
    order by kpi_hourly.starts_at
    limit sqlc.arg(most)::integer
  ) as h
  where k.business_id = (select request_business())
    and b.id = (select request_business())
    and k.id >= sqlc.arg(after_kpi)::uuid
    and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
  order by k.id, h.starts_at
  limit sqlc.arg(most)::integer
) as point
left join serving.market_data as own on own.currency = point.currency and own.day = point.day
left join serving.market_data as business on business.currency = point.business_currency and business.day = point.day
group by point.kpi_id
order by point.kpi_id;

-- name: DailyKPIs :many
-- DailyKPIs returns the KPIs whose points are days, by id. Without kpis: of all that are measured.
select
  k.id as kpi_id,
  k.name,
  k.unit
from kpis as k
where k.business_id = (select request_business())
  and k.grain = 'day'
  and (k.id = any (sqlc.arg(kpis)::uuid[]) or (cardinality(sqlc.arg(kpis)::uuid[]) = 0 and k.is_active))
order by k.id;

-- name: WeekPoints :many
-- WeekPoints is DayPoints for weeks that begin in [from_day, to_day).
select
  point.kpi_id,
  min(point.name)::text as name,
  min(point.unit)::text as unit,
  coalesce(max(point.currency), '')::text as currency,
  coalesce(max(point.converted_currency), '')::text as converted_currency,
  array_agg(point.day - date '1970-01-01')::integer[] as starts,
  array_agg(coalesce(point.value, 'NaN'))::double precision[] as values,
  array_agg(coalesce(point.value_converted, 'NaN'))::double precision[] as converted,
  array_agg(point.points)::bigint[] as raw,
  array_agg(point.days)::bigint[] as with_value,
  array_agg(point.complete)::boolean[] as complete
from (
  select
    k.id as kpi_id,
    k.name,
    k.unit,
    d.day,
    d.value,
    d.currency,
    d.value_converted,
    d.converted_currency,
    d.points,
    d.days,
    d.complete
  from kpis as k
  cross join lateral (
    select
      kpi_weekly.week_start as day,
      kpi_weekly.value,
      kpi_weekly.currency,
      kpi_weekly.value_converted,
      kpi_weekly.converted_currency,
      kpi_weekly.points,
      kpi_weekly.days,
      kpi_weekly.complete
    from serving.kpi_weekly
    where kpi_weekly.business_id = k.business_id
      and kpi_weekly.kpi_id = k.id
      and kpi_weekly.week_start >= sqlc.arg(from_day)::date
      and kpi_weekly.week_start < sqlc.arg(to_day)::date
      and (k.id > sqlc.arg(after_kpi)::uuid or kpi_weekly.week_start > sqlc.arg(after_day)::date)
    order by kpi_weekly.week_start
    limit sqlc.arg(most)::integer
  ) as d
  where k.business_id = (select request_business())
    and k.id >= sqlc.arg(after_kpi)::uuid
    and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
  order by k.id, d.day
  limit sqlc.arg(most)::integer
) as point
group by point.kpi_id
order by point.kpi_id;

-- name: MonthPoints :many
-- MonthPoints is DayPoints for months that begin in [from_day, to_day).
select
  point.kpi_id,
  min(point.name)::text as name,
  min(point.unit)::text as unit,
  coalesce(max(point.currency), '')::text as currency,
  coalesce(max(point.converted_currency), '')::text as converted_currency,
  array_agg(point.day - date '1970-01-01')::integer[] as starts,
  array_agg(coalesce(point.value, 'NaN'))::double precision[] as values,
  array_agg(coalesce(point.value_converted, 'NaN'))::double precision[] as converted,
  array_agg(point.points)::bigint[] as raw,
  array_agg(point.days)::bigint[] as with_value,
  array_agg(point.complete)::boolean[] as complete
from (
  select
    k.id as kpi_id,
    k.name,
    k.unit,
    d.day,
    d.value,
    d.currency,
    d.value_converted,
    d.converted_currency,
    d.points,
    d.days,
    d.complete
  from kpis as k
  cross join lateral (
    select
      kpi_monthly.month as day,
      kpi_monthly.value,
      kpi_monthly.currency,
      kpi_monthly.value_converted,
      kpi_monthly.converted_currency,
      kpi_monthly.points,
      kpi_monthly.days,
      kpi_monthly.complete
    from serving.kpi_monthly
    where kpi_monthly.business_id = k.business_id
      and kpi_monthly.kpi_id = k.id
      and kpi_monthly.month >= sqlc.arg(from_day)::date
      and kpi_monthly.month < sqlc.arg(to_day)::date
      and (k.id > sqlc.arg(after_kpi)::uuid or kpi_monthly.month > sqlc.arg(after_day)::date)
    order by kpi_monthly.month
    limit sqlc.arg(most)::integer
  ) as d
  where k.business_id = (select request_business())
    and k.id >= sqlc.arg(after_kpi)::uuid
    and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
  order by k.id, d.day
  limit sqlc.arg(most)::integer
) as point
group by point.kpi_id
order by point.kpi_id;

-- name: TrendPoints :many
-- TrendPoints returns how the business's KPIs moved in [from_day, to_day), by KPI and day, after the point of
-- after_kpi and after_day. Without kpis: of all.
select
  k.id as kpi_id,
  k.name,
  k.unit,
  t.day,
  t.value,
  t.mean_7,
  t.mean_28,
  t.change_week,
  t.change_month,
  t.change_year,
  t.slope_28,
  t.volatility_28
from kpis as k
cross join lateral (
  select
    kpi_trends.day,
    kpi_trends.value,
    kpi_trends.mean_7,
    kpi_trends.mean_28,
    kpi_trends.change_week,
    kpi_trends.change_month,
    kpi_trends.change_year,
    kpi_trends.slope_28,
    kpi_trends.volatility_28
  from serving.kpi_trends
  where kpi_trends.business_id = k.business_id
    and kpi_trends.kpi_id = k.id
    and kpi_trends.day >= sqlc.arg(from_day)::date
    and kpi_trends.day < sqlc.arg(to_day)::date
    and (k.id > sqlc.arg(after_kpi)::uuid or kpi_trends.day > sqlc.arg(after_day)::date)
  order by kpi_trends.day
  limit sqlc.arg(most)::integer
) as t
where k.business_id = (select request_business())
  and k.id >= sqlc.arg(after_kpi)::uuid
  and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
order by k.id, t.day
limit sqlc.arg(most)::integer;

-- name: Anomalies :many
-- Anomalies returns the anomalies of the local days [from_day, to_day), newest first, after the one that the after
-- arguments name. Empty filters let all pass; severities are listed, not ordered.
select
  k.id as kpi_id,
  k.name,
  k.unit,
  a.grain,
  a.starts_at,
  a.day,
  a.hour,
  a.value,
  a.expected,
  a.lower,
  a.upper,
  a.deviation,
  a.score,
  a.robust_score,
  coalesce(a.kind, case when a.direction = 'below' then 'dip' else 'spike' end)::text as kind,
  coalesce(a.direction, '')::text as direction,
  coalesce(a.severity, '')::text as severity,
  coalesce(a.is_ongoing, false)::boolean as ongoing,
  coalesce(a.method, '')::text as method,
  coalesce(a.past_values, 0)::bigint as past_values
from serving.kpi_anomalies as a
inner join kpis as k on k.business_id = a.business_id and k.id = a.kpi_id
where a.business_id = (select request_business())
  and k.business_id = (select request_business())
  and a.day >= sqlc.arg(from_day)::date
  and a.day < sqlc.arg(to_day)::date
  and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or a.kpi_id = any (sqlc.arg(kpis)::uuid[]))
  and (sqlc.arg(only_grain)::text = '' or a.grain = sqlc.arg(only_grain)::text)
  and (sqlc.arg(only_direction)::text = '' or a.direction = sqlc.arg(only_direction)::text)
  and (cardinality(sqlc.arg(severities)::text[]) = 0 or a.severity = any (sqlc.arg(severities)::text[]))
  and (sqlc.arg(only_kind)::text = '' or a.kind = sqlc.arg(only_kind)::text)
  and (sqlc.narg(after_day)::date is null
    or a.day < sqlc.narg(after_day)::date
    or (a.day = sqlc.narg(after_day)::date
      and (a.starts_at < sqlc.arg(after_start)::timestamptz
        or (a.starts_at = sqlc.arg(after_start)::timestamptz
          and (a.kpi_id, a.grain) > (sqlc.arg(after_kpi)::uuid, sqlc.arg(after_grain)::text)))))
order by a.day desc, a.starts_at desc, a.kpi_id, a.grain
limit sqlc.arg(most)::integer;

-- name: NewsArticles :many
-- NewsArticles returns the articles of the local days [from_day, to_day), newest first, after the article that the
-- after arguments name.
select
  a.url,
  a.title,
  a.domain,
  a.language,
  a.source_country,
  a.seen_at,
  a.day,
  coalesce(a.is_copy, false)::boolean as is_copy,
  a.score,
  a.score_method
from serving.news_articles as a
where a.business_id = (select request_business())
  and a.day >= sqlc.arg(from_day)::date
  and a.day < sqlc.arg(to_day)::date
  and (sqlc.narg(after_day)::date is null
    or a.day < sqlc.narg(after_day)::date
    or (a.day = sqlc.narg(after_day)::date
      and (a.seen_at < sqlc.arg(after_seen)::timestamptz
        or (a.seen_at = sqlc.arg(after_seen)::timestamptz and a.url > sqlc.arg(after_url)::text))))
order by a.day desc, a.seen_at desc, a.url
limit sqlc.arg(most)::integer;

-- name: NewsDays :many
-- NewsDays returns what is known of the news of each local day in [from_day, to_day), by day.
select
  n.day,
  n.articles,
  n.stories,
  n.scored,
  n.mean_score,
  n.share_negative
from serving.news_daily as n
where n.business_id = (select request_business())
  and n.day >= sqlc.arg(from_day)::date
  and n.day < sqlc.arg(to_day)::date
order by n.day;

-- name: WeatherDays :many
-- WeatherDays returns the weather of the local days [from_day, to_day), by day, after after_day. An empty
-- only_kind lets measured and forecast days pass.
select
  w.day,
  w.location_id,
  w.kind,
  w.temperature_min,
  w.temperature_max,
  w.temperature_mean,
  w.precipitation_sum,
  w.snowfall_sum,
  w.wind_speed_max,
  w.weather_code
from serving.weather_data as w
where w.business_id = (select request_business())
  and w.day >= sqlc.arg(from_day)::date
  and w.day < sqlc.arg(to_day)::date
  and w.day > sqlc.arg(after_day)::date
  and (sqlc.arg(only_kind)::text = '' or w.kind = sqlc.arg(only_kind)::text)
order by w.day
limit sqlc.arg(most)::integer;

-- name: Place :one
-- Place returns where the business lies.
select
  b.place,
  b.country,
  b.latitude,
  b.longitude
from businesses as b
where b.id = (select request_business());

-- name: Holidays :many
-- Holidays returns the public holidays of the business's country in [from_day, to_day), by day; of several on one day the first
-- by alphabet, as the lake has it.
select
  h.day,
  min(h.name collate "C")::text as name
from businesses as b
inner join serving.calendar_holidays as h on h.country = b.country
where b.id = (select request_business())
  and h.day >= sqlc.arg(from_day)::date
  and h.day < sqlc.arg(to_day)::date
group by h.day
order by h.day;

-- name: SummaryCards :many
-- SummaryCards returns the active KPIs by name, after the one of after_name and after_kpi, each with its latest whole
-- day that has a value, how that day compares, the 28 days that end with it (NaN for null), what is forecast next and its latest anomaly
-- of the 28 days up to until. What there is none of has the day 1970-01-01.
select
  k.id as kpi_id,
  k.name,
  k.unit,
  coalesce(l.day, 'epoch')::date as day,
  l.value,
  l.currency,
  l.value_converted,
  l.converted_currency,
  t.change_week,
  t.change_month,
  t.change_year,
  t.mean_28,
  s.spark_days,
  s.spark_values,
  coalesce(f.day, 'epoch')::date as forecast_day,
  coalesce(f.mean, 0)::double precision as forecast_mean,
  coalesce(f.lower_80, 0)::double precision as forecast_lower_80,
  coalesce(f.upper_80, 0)::double precision as forecast_upper_80,
  coalesce(f.lower_95, 0)::double precision as forecast_lower_95,
  coalesce(f.upper_95, 0)::double precision as forecast_upper_95,
  coalesce(a.grain, '')::text as anomaly_grain,
  coalesce(a.starts_at, 'epoch')::timestamptz as anomaly_starts_at,
  coalesce(a.day, 'epoch')::date as anomaly_day,
  a.hour as anomaly_hour,
  a.value as anomaly_value,
  a.expected as anomaly_expected,
  a.score as anomaly_score,
  coalesce(a.kind, case when a.direction = 'below' then 'dip' else 'spike' end)::text as anomaly_kind,
  coalesce(a.direction, '')::text as anomaly_direction,
  coalesce(a.severity, '')::text as anomaly_severity,
  coalesce(c.direction, '')::text as trend_direction,
  c.percent_per_month as trend_percent_per_month,
  c.p_value as trend_p_value
from kpis as k
left join lateral (
  select
    kpi_data.day,
    kpi_data.value,
    kpi_data.currency,
    kpi_data.value_converted,
    kpi_data.converted_currency
  from serving.kpi_data
  where kpi_data.business_id = k.business_id
    and kpi_data.kpi_id = k.id
    and kpi_data.value is not null
    and coalesce(kpi_data.coverage, 1) >= 0.9
  order by kpi_data.day desc
  limit 1
) as l on true
left join serving.kpi_trends as t on t.business_id = k.business_id and t.kpi_id = k.id and t.day = l.day
left join serving.kpi_trend_statements as c on c.business_id = k.business_id and c.kpi_id = k.id
cross join lateral (
  select
    coalesce(array_agg(kpi_data.day - date '1970-01-01' order by kpi_data.day), '{}')::integer[] as spark_days,
    coalesce(array_agg(coalesce(kpi_data.value, 'NaN') order by kpi_data.day), '{}')::double precision[] as spark_values
  from serving.kpi_data
  where kpi_data.business_id = k.business_id
    and kpi_data.kpi_id = k.id
    and kpi_data.day > l.day - 28
    and kpi_data.day <= l.day
) as s
left join lateral (
  select
    forecasts.day,
    forecasts.mean,
    forecasts.lower_80,
    forecasts.upper_80,
    forecasts.lower_95,
    forecasts.upper_95
  from serving.forecasts
  where forecasts.business_id = k.business_id
    and forecasts.kpi_id = k.id
    and forecasts.vintage = (
      select max(v.vintage)
      from serving.forecasts as v
      where v.business_id = k.business_id and v.kpi_id = k.id
    )
    and forecasts.day > l.day
  order by forecasts.day
  limit 1
) as f on true
left join lateral (
  select
    kpi_anomalies.grain,
    kpi_anomalies.starts_at,
    kpi_anomalies.day,
    kpi_anomalies.hour,
    kpi_anomalies.value,
    kpi_anomalies.expected,
    kpi_anomalies.score,
    kpi_anomalies.kind,
    kpi_anomalies.direction,
    kpi_anomalies.severity
  from serving.kpi_anomalies
  where kpi_anomalies.business_id = k.business_id
    and kpi_anomalies.kpi_id = k.id
    and kpi_anomalies.day > sqlc.arg(until)::date - 28
    and kpi_anomalies.day <= sqlc.arg(until)::date
  order by kpi_anomalies.starts_at desc, kpi_anomalies.grain
  limit 1
) as a on true
where k.business_id = (select request_business())
  and k.is_active
  and (sqlc.arg(after_name)::text = '' or (k.name, k.id) > (sqlc.arg(after_name)::text, sqlc.arg(after_kpi)::uuid))
order by k.name, k.id
limit sqlc.arg(most)::integer;

-- name: NewsTone :one
-- NewsTone sums the news of the local days [from_day, to_day) up.
select
  coalesce(sum(n.articles), 0)::bigint as articles,
  coalesce(sum(n.stories), 0)::bigint as stories,
  coalesce(sum(n.scored), 0)::bigint as scored,
  coalesce(sum(n.mean_score * n.scored), 0)::double precision as total_score,
  coalesce(sum(n.share_negative * n.scored), 0)::double precision as negative
from serving.news_daily as n
where n.business_id = (select request_business())
  and n.day >= sqlc.arg(from_day)::date
  and n.day < sqlc.arg(to_day)::date;
