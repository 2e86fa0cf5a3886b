-- $3 days up to $4 for each of $2 KPIs of the businesses $1 to $5.
insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, coverage, complete, currency, value_converted, converted_currency)
select
  b.id,
  i.id,
  s.day,
  s.starts_at,
  r.value,
  24,
  24,
  1,
  true,
  'USD',
  round((r.value * 0.92)::numeric, 2),
  'EUR'
from generate_series($1::integer, $5::integer) as n
cross join lateral (select ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id offset 0) as b
cross join generate_series(1, $2::integer) as k
cross join lateral (select ('00000004-0000-7000-8000-' || lpad(to_hex(n * 1000 + k), 12, '0'))::uuid as id offset 0) as i
cross join (
  select
    day.day,
    day.day::timestamp at time zone 'Europe/Berlin' as starts_at,
    row_number() over (order by day.day) as number
  from (select $4::date - d as day from generate_series($3::integer - 1, 0, -1) as d) as day
) as s
cross join lateral (select round((1000 + 40 * k + 100 * sin(s.number) + 50 * random())::numeric, 2)::double precision as value) as r
