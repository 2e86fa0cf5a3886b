-- name: Enter :exec
-- Enter sets, until the transaction ends, one of the settings that the policies read: app.user_id,
-- app.business_id, app.email or app.session_id.
select set_config(sqlc.arg(setting)::text, sqlc.arg(value)::text, true);

-- name: RequestRole :one
-- RequestRole returns the role of the transaction's user in the transaction's business, and the business's subscription; no row means
-- that the user is no member of it.
select
  m.role,
  b.subscription_tier
from memberships as m
inner join businesses as b on b.id = m.business_id
where m.business_id = (select request_business())
  and m.user_id = (select request_user());

-- name: AccountByEmail :one
-- AccountByEmail needs the setting app.email.
select
  id,
  email,
  full_name,
  coalesce(password_of(id), '')::text as password_hash,
  is_active,
  has_second_factor(id)::boolean as second_factor,
  (email_verified_at is not null)::boolean as verified
from users
where lower(email) = lower(sqlc.arg(email)::text);

-- name: RecordLogin :exec
update users
set last_login_at = sqlc.arg(at)::timestamptz
where id = (select request_user());

-- name: Memberships :many
-- Memberships returns the businesses of the transaction's user, by name.
select
  b.id,
  b.name,
  b.industry,
  b.time_zone,
  b.currency,
  b.country,
  b.place,
  b.place_id,
  b.latitude,
  b.longitude,
  b.news_query,
  m.role
from memberships as m
inner join businesses as b on b.id = m.business_id
where m.user_id = (select request_user())
order by b.name, b.id;

-- name: LockSigningKeys :exec
-- LockSigningKeys makes processes that add keys at once wait for each other.
select pg_advisory_xact_lock(hashtextextended('signalcraft.signing_keys', 0));

-- name: AddFirstSigningKey :exec
-- AddFirstSigningKey adds a key unless one that signs is there. It needs LockSigningKeys before it, in a statement of its own: a
-- statement that waited would still see what was there before it.
insert into signing_keys (id, algorithm, public_key, private_key)
select
  sqlc.arg(id),
  sqlc.arg(algorithm),
  sqlc.arg(public_key),
  sqlc.arg(private_key)
where not exists (select 1 from signing_keys where retired_at is null);
