-- $3 days up to $4 for each KPI of the businesses $1 to $2, in the order of the key.
insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, coverage, complete, currency, value_converted, converted_currency)
select
  k.business_id,
  k.id,
  s.day,
  s.starts_at,
  r.value,
  24,
  24,
  1,
  true,
  'USD',
  floor(r.value * 92) / 100,
  'EUR'
from (
  select
    kpis.business_id,
    kpis.id
  from kpis
  where kpis.business_id between ('00000002-0000-7000-8000-' || lpad(to_hex($1::integer), 12, '0'))::uuid
    and ('00000002-0000-7000-8000-' || lpad(to_hex($2::integer), 12, '0'))::uuid
  order by kpis.business_id, kpis.id
) as k
cross join (
  select
    $4::date - d as day,
    ($4::date - d)::timestamp at time zone 'Europe/Berlin' as starts_at,
    1000 + 100 * sin(d) as level
  from generate_series($3::integer - 1, 0, -1) as d
  offset 0
) as s
cross join lateral (select floor(100 * (s.level + 50 * random())) / 100 as value) as r
