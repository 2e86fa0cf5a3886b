-- $2 KPIs for each of $1 businesses.
insert into kpis (business_id, id, source_id, name, unit, currency)
select
  ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  ('00000004-0000-7000-8000-' || lpad(to_hex(n * 1000 + k), 12, '0'))::uuid,
  ('00000003-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'KPI ' || k,
  'EUR',
  'EUR'
from generate_series(1, $1::integer) as n, generate_series(1, $2::integer) as k
