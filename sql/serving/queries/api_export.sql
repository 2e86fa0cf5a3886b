-- name: PatientStatement :exec
-- PatientStatement lets the statements of this transaction take as long as milliseconds says, and not as long as a
-- request may.
select set_config('statement_timeout', sqlc.arg(milliseconds)::text, true);

-- name: ExportMetrics :many
-- The exports return what is published of the business in [from_day, to_day), in the order of their key. Column names are those of
-- the file. They are read row by row, never collected.
select
  d.kpi_id,
  k.name as kpi,
  k.unit,
  d.day,
  d.value,
  d.currency,
  d.value_converted,
  d.converted_currency,
  d.points,
  d.complete
from serving.kpi_data as d
inner join kpis as k on k.business_id = d.business_id and k.id = d.kpi_id
where d.business_id = (select request_business())
  and k.business_id = (select request_business())
  and d.day >= sqlc.arg(from_day)::date
  and d.day < sqlc.arg(to_day)::date
order by d.kpi_id, d.day;

-- name: ExportHours :many
select
  h.kpi_id,
  k.name as kpi,
  k.unit,
  h.starts_at,
  h.day,
  h.hour,
  h.value,
  h.currency,
  case when h.currency = b.currency then h.value else h.value / own.rate * business.rate end as value_converted,
  case when h.currency is not null then b.currency end as converted_currency,
  h.points
from serving.kpi_hourly as h
inner join kpis as k on k.business_id = h.business_id and k.id = h.kpi_id
inner join businesses as b on b.id = h.business_id
left join serving.market_data as own on own.currency = h.currency and own.day = h.day
left join serving.market_data as business on business.currency = b.currency and business.day = h.day
where h.business_id = (select request_business())
  and k.business_id = (select request_business())
  and b.id = (select request_business())
  and h.day >= sqlc.arg(from_day)::date
  and h.day < sqlc.arg(to_day)::date
order by h.kpi_id, h.starts_at;

-- name: ExportForecasts :many
select
  f.kpi_id,
  k.name as kpi,
  k.unit,
  f.vintage,
  f.day,
  f.horizon,
  f.mean,
  f.lower_80,
  f.upper_80,
  f.lower_95,
  f.upper_95,
  f.method,
  f.mase
from serving.forecasts as f
inner join kpis as k on k.business_id = f.business_id and k.id = f.kpi_id
where f.business_id = (select request_business())
  and k.business_id = (select request_business())
  and f.day >= sqlc.arg(from_day)::date
  and f.day < sqlc.arg(to_day)::date
order by f.kpi_id, f.vintage, f.day;

-- name: ExportAnomalies :many
select
  a.kpi_id,
  k.name as kpi,
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
  a.direction,
  a.severity,
  a.method,
  a.kind,
  a.robust_score,
  a.is_ongoing
from serving.kpi_anomalies as a
inner join kpis as k on k.business_id = a.business_id and k.id = a.kpi_id
where a.business_id = (select request_business())
  and k.business_id = (select request_business())
  and a.day >= sqlc.arg(from_day)::date
  and a.day < sqlc.arg(to_day)::date
order by a.kpi_id, a.grain, a.starts_at;

-- name: ExportTrends :many
select
  t.kpi_id,
  k.name as kpi,
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
from serving.kpi_trends as t
inner join kpis as k on k.business_id = t.business_id and k.id = t.kpi_id
where t.business_id = (select request_business())
  and k.business_id = (select request_business())
  and t.day >= sqlc.arg(from_day)::date
  and t.day < sqlc.arg(to_day)::date
order by t.kpi_id, t.day;

-- name: ExportNews :many
select
  a.url,
  a.day,
  a.seen_at,
  a.title,
  a.domain,
  a.language,
  a.source_country,
  a.is_copy,
  a.score,
  a.score_method
from serving.news_articles as a
where a.business_id = (select request_business())
  and a.day >= sqlc.arg(from_day)::date
  and a.day < sqlc.arg(to_day)::date
order by a.day desc, a.seen_at desc, a.url;

-- name: ExportWeather :many
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
order by w.day;
