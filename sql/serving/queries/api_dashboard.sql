-- name: Publication :one
-- Each query of the dashboard runs in a transaction that names its user and business, under row-level
-- security; request_business() is null, and every answer empty, unless the user is a member.
--
-- Publication returns the request's business and the state of one published table.
select
  b.id,
  b.name,
  b.time_zone,
  b.currency,
  p.run_id,
  p.as_of,
  p.published_at,
  (coalesce(p.as_of, sqlc.arg(now)::timestamptz) at time zone b.time_zone)::date as local_day
from businesses as b
left join serving.publications as p
  on p.table_name = sqlc.arg(table_name)::text and p.published_at is not null
where b.id = (select request_business());

-- name: KPIPoints :many
-- KPIPoints returns the daily points of the business's KPIs in [from_day, to_day), by KPI and day, after the
-- point of after_kpi and after_day. The lateral part reads one index range for each KPI.
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
  and (sqlc.narg(only_kpi)::uuid is null or k.id = sqlc.narg(only_kpi)::uuid)
order by k.id, d.day
limit sqlc.arg(most)::integer;

-- name: ForecastPoints :many
-- ForecastPoints returns each KPI's newest vintage in [from_day, to_day), by KPI and day, after the point of
-- after_kpi and after_day.
select
  k.id as kpi_id,
  k.name,
  k.unit,
  f.vintage,
  f.method,
  f.mase,
  f.day,
  f.mean,
  f.lower_80,
  f.upper_80,
  f.lower_95,
  f.upper_95
from kpis as k
cross join lateral (
  select
    forecasts.vintage,
    forecasts.method,
    forecasts.mase,
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
    and forecasts.day >= sqlc.arg(from_day)::date
    and forecasts.day < sqlc.arg(to_day)::date
    and (k.id > sqlc.arg(after_kpi)::uuid or forecasts.day > sqlc.arg(after_day)::date)
  order by forecasts.day
  limit sqlc.arg(most)::integer
) as f
where k.business_id = (select request_business())
  and k.id >= sqlc.arg(after_kpi)::uuid
  and (sqlc.narg(only_kpi)::uuid is null or k.id = sqlc.narg(only_kpi)::uuid)
order by k.id, f.day
limit sqlc.arg(most)::integer;

-- name: NewsArticles :many
-- NewsArticles returns the articles seen on the local days [from_day, to_day), newest first, after the article of
-- after_seen and after_url.
select
  a.url,
  a.title,
  a.domain,
  a.language,
  a.source_country,
  a.seen_at,
  coalesce(a.is_copy, false)::boolean as is_copy,
  a.score
from businesses as b
inner join serving.news_articles as a on a.business_id = b.id
where b.id = (select request_business())
  and a.business_id = (select request_business())
  and a.seen_at >= sqlc.arg(from_day)::date::timestamp at time zone b.time_zone
  and a.seen_at < sqlc.arg(to_day)::date::timestamp at time zone b.time_zone
  and (sqlc.narg(after_seen)::timestamptz is null
    or a.seen_at < sqlc.narg(after_seen)::timestamptz
    or (a.seen_at = sqlc.narg(after_seen)::timestamptz and a.url > sqlc.arg(after_url)::text))
order by a.seen_at desc, a.url
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
