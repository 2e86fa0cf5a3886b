-- $1 users, who share the password hash $2. Ids ascend, so that everything is added at the end of its index.
insert into users (id, email, password_hash, full_name, email_verified_at)
select
  ('00000001-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  'user-' || n || '@bench.example',
  $2,
  'User ' || n,
  now()
from generate_series(1, $1::integer) as n
