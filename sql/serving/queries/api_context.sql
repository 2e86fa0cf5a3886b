-- name: AnomalyContext :many
-- AnomalyContext returns what anomalous days coincided with, for the pairs of KPI and start that the lists name, by day and
-- the strongest first.
select
  c.kpi_id,
  c.starts_at,
  c.kind,
  c.subject,
  c.on_day,
  c.strength,
  c.value,
  c.usual,
  c.text
from serving.kpi_anomaly_context as c
inner join (
  select
    unnest(sqlc.arg(kpis)::uuid[]) as kpi_id,
    unnest(sqlc.arg(starts)::timestamptz[]) as starts_at
) as asked on asked.kpi_id = c.kpi_id and asked.starts_at = c.starts_at
where c.business_id = (select request_business())
order by c.kpi_id, c.starts_at, c.strength desc, c.kind, c.subject;

-- name: TrendStatements :many
-- TrendStatements returns where the business's KPIs go, by KPI. Without kpis: of all.
select
  k.id as kpi_id,
  k.name,
  k.unit,
  s.direction,
  s.slope,
  s.slope_low,
  s.slope_high,
  s.p_value,
  s.tau,
  s.level,
  s.percent_per_month,
  s.first_day,
  s.last_day,
  s.observed,
  s.change_points
from serving.kpi_trend_statements as s
inner join kpis as k on k.business_id = s.business_id and k.id = s.kpi_id
where s.business_id = (select request_business())
  and k.business_id = (select request_business())
  and (cardinality(sqlc.arg(kpis)::uuid[]) = 0 or k.id = any (sqlc.arg(kpis)::uuid[]))
order by k.id;
