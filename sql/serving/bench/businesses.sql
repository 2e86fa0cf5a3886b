-- $1 businesses.
insert into businesses (id, name, time_zone, currency, country)
select
  ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'Business ' || n,
  'Europe/Berlin',
  'EUR',
  'DE'
from generate_series(1, $1::integer) as n
