-- One source for each of $1 businesses.
insert into kpi_sources (business_id, id, name, kind)
select
  ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  ('00000003-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'till',
  'upload'
from generate_series(1, $1::integer) as n
