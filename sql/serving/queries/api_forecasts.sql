-- name: ForecastPoints :many
-- ForecastPoints returns, of the vintages up to until, each KPI's newest in [from_day, to_day), by KPI and day, after the
-- point of after_kpi and after_day. Without kpis: of all. Vintages from before parts were kept have nulls for theirs.
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
  f.upper_95,
  f.trend,
  f.seasonal,
  f.long_seasonal,
  f.calendar,
  f.measured
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
    forecasts.upper_95,
    forecasts.trend,
    forecasts.seasonal,
    forecasts.long_seasonal,
    forecasts.calendar,
    forecasts.measured
  from serving.forecasts
  where forecasts.business_id = k.business_id
    and forecasts.kpi_id = k.id
    and forecasts.vintage = (
      select max(v.vintage)
      from serving.forecasts as v
      where v.business_id = k.business_id and v.kpi_id = k.id and v.vintage <= sqlc.arg(until)::date
    )
    and forecasts.day >= sqlc.arg(from_day)::date
    and forecasts.day < sqlc.arg(to_day)::date
    and (k.id > sqlc.arg(after_kpi)::uuid or forecasts.day > sqlc.arg(after_day)::date)
  order by forecasts.day
  limit sqlc.arg(most)::integer
) as f
where k.business_id = (select request_business())
  and k.id >= sqlc.arg(after_kpi)::uuid
  and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
order by k.id, f.day
limit sqlc.arg(most)::integer;

-- name: ForecastExplanations :many
-- ForecastExplanations returns why the newest vintages of KPIs, of those up to until, are as they are, by KPI. Vintages from before
-- explanations were made have none.
select
  k.id as kpi_id,
  coalesce(f.explanation, '')::text as explanation
from kpis as k
cross join lateral (
  select forecasts.explanation
  from serving.forecasts
  where forecasts.business_id = k.business_id
    and forecasts.kpi_id = k.id
    and forecasts.vintage = (
      select max(v.vintage)
      from serving.forecasts as v
      where v.business_id = k.business_id and v.kpi_id = k.id and v.vintage <= sqlc.arg(until)::date
    )
    and forecasts.explanation is not null
  order by forecasts.day
  limit 1
) as f
where k.business_id = (select request_business())
  and k.id = any (sqlc.arg(kpis)::uuid[])
order by k.id;

-- name: ForecastAccuracy :many
-- ForecastAccuracy returns how far the vintages of KPIs in [from_vintage, until] were from what came, by KPI and band of
-- horizons. Every day counts the same. Relative is the error against that of the seasonal naive forecast on the days that both were made for.
select
  a.kpi_id,
  a.horizon_from,
  max(a.horizon_to)::integer as horizon_to,
  count(*) as vintages,
  sum(a.days)::bigint as days,
  (sum(a.mae * a.days) / sum(a.days))::double precision as mae,
  case when sum(a.days) filter (where a.mase is not null) > 0
    then sum(a.mase * a.days) / sum(a.days) filter (where a.mase is not null) else 'NaN' end::double precision as mase,
  (sum(a.smape * a.days) / sum(a.days))::double precision as smape,
  (sum(a.bias * a.days) / sum(a.days))::double precision as bias,
  (sum(a.coverage_80 * a.days) / sum(a.days))::double precision as coverage_80,
  (sum(a.coverage_95 * a.days) / sum(a.days))::double precision as coverage_95,
  case when sum(a.naive_mae * a.naive_days) > 0
    then sum(a.paired_mae * a.naive_days) / sum(a.naive_mae * a.naive_days) else 'NaN' end::double precision as relative
from serving.forecast_accuracy as a
where a.business_id = (select request_business())
  and a.kpi_id = any (sqlc.arg(kpis)::uuid[])
  and a.vintage > sqlc.arg(after_vintage)::date
  and a.vintage <= sqlc.arg(until)::date
  and a.days > 0
group by a.kpi_id, a.horizon_from
order by a.kpi_id, a.horizon_from;
