-- Each of $1 businesses belongs to one of $2 users.
insert into memberships (business_id, user_id, role)
select
  ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  ('00000001-0000-7000-8000-' || lpad(to_hex((n - 1) % $2::integer + 1), 12, '0'))::uuid,
  'owner'
from generate_series(1, $1::integer) as n
