-- name: AddUserSession :exec
insert into user_sessions (id, user_id, refresh_hash, refresh_secret, created_at, last_used_at, expires_at, ends_at, ip, user_agent, proved_at, second_factor)
values (
  sqlc.arg(id),
  sqlc.arg(user_id),
  sqlc.narg(refresh_hash),
  sqlc.narg(refresh_secret),
  sqlc.arg(started_at),
  sqlc.arg(started_at),
  sqlc.arg(expires_at),
  sqlc.arg(ends_at),
  sqlc.narg(ip),
  sqlc.arg(user_agent),
  sqlc.arg(started_at),
  sqlc.arg(second_factor)
);

-- name: KnownDevices :one
-- KnownDevices returns how many sessions the transaction's user had, and from how many of them the program and the
-- network are those given: versions of a program and the lower half of an IPv6 address change by themselves.
select
  count(*) as sessions,
  count(*) filter (
    where regexp_replace(user_agent, '[0-9][0-9._]*', '', 'g') = regexp_replace(sqlc.arg(user_agent)::text, '[0-9][0-9._]*', '', 'g')
      and (case when family(ip) = 6 then network(set_masklen(ip, 64)) else network(ip) end)
        is not distinct from (case when family(sqlc.narg(ip)::inet) = 6 then network(set_masklen(sqlc.narg(ip)::inet, 64)) else network(sqlc.narg(ip)::inet) end)
  ) as alike
from user_sessions
where user_id = (select request_user());

-- name: EndSessionsBeyond :many
-- EndSessionsBeyond ends those live sessions of the transaction's user that were used least lately, all but as many as may stay.
update user_sessions
set
  revoked_at = sqlc.arg(at)::timestamptz,
  revoked_reason = 'too many'
where id in (
  select s.id
  from user_sessions as s
  where s.user_id = (select request_user())
    and s.revoked_at is null
  order by s.last_used_at desc, s.id desc
  offset sqlc.arg(most)::integer
)
returning id;

-- name: SessionForRefresh :one
-- SessionForRefresh returns the session with an id, whosever it is, and locks it: the refreshes of a session take turns. It needs
-- the setting app.session_id.
select
  id,
  user_id,
  refresh_hash,
  refresh_secret,
  refresh_generation,
  refreshed_at,
  expires_at,
  ends_at,
  proved_at,
  second_factor,
  (revoked_at is not null)::boolean as revoked
from user_sessions
where id = sqlc.arg(id)
for no key update;

-- name: RefreshSession :exec
update user_sessions
set
  refresh_generation = sqlc.arg(generation),
  refresh_hash = sqlc.arg(hash),
  refresh_secret = sqlc.arg(secret),
  refreshed_at = sqlc.arg(at),
  last_used_at = sqlc.arg(at)::timestamptz,
  expires_at = sqlc.arg(expires_at)
where id = sqlc.arg(id);

-- name: RequestAccount :one
-- RequestAccount returns the account of the transaction's user.
select
  id,
  email,
  full_name,
  coalesce(password_of(id), '')::text as password_hash,
  is_active,
  is_operator,
  has_second_factor(id)::boolean as second_factor,
  (email_verified_at is not null)::boolean as verified
from users
where id = (select request_user());

-- name: SessionState :one
-- SessionState returns what an access token of one of the transaction's user's sessions stands for now.
select
  s.expires_at,
  s.ends_at,
  s.second_factor,
  (s.revoked_at is not null)::boolean as revoked,
  u.is_active,
  u.is_operator
from user_sessions as s
inner join users as u on u.id = s.user_id
where s.id = sqlc.arg(id)
  and s.user_id = (select request_user());

-- name: LiveSessions :many
-- LiveSessions returns the sessions of the transaction's user that have not ended, the one used last first.
select
  id,
  ip,
  user_agent,
  created_at,
  last_used_at,
  least(expires_at, ends_at)::timestamptz as expires_at,
  second_factor
from user_sessions
where user_id = (select request_user())
  and revoked_at is null
  and expires_at > sqlc.arg(at)::timestamptz
  and ends_at > sqlc.arg(at)::timestamptz
order by last_used_at desc, id
limit sqlc.arg(most);

-- name: EndSessions :many
-- EndSessions ends the live sessions of the transaction's user: the one named, or without a name all but the one excepted.
update user_sessions
set
  revoked_at = sqlc.arg(at)::timestamptz,
  revoked_reason = sqlc.arg(reason)::text
where user_id = (select request_user())
  and revoked_at is null
  and expires_at > sqlc.arg(at)::timestamptz
  and ends_at > sqlc.arg(at)::timestamptz
  and (sqlc.narg(single)::uuid is null or id = sqlc.narg(single)::uuid)
  and (sqlc.narg(kept)::uuid is null or id <> sqlc.narg(kept)::uuid)
returning id;

-- name: ProveSession :execrows
-- ProveSession notes that the user of a live session proved who they are again.
update user_sessions
set
  proved_at = sqlc.arg(at)::timestamptz,
  second_factor = second_factor or sqlc.arg(second_factor)::boolean
where id = sqlc.arg(id)
  and user_id = (select request_user())
  and revoked_at is null;

-- name: ForgetSessions :execrows
-- ForgetSessions removes sessions that ended before an instant.
delete from user_sessions
where ends_at < sqlc.arg(before)::timestamptz
  or revoked_at < sqlc.arg(before)::timestamptz;

-- name: SigningKeys :many
select
  id,
  algorithm,
  public_key,
  private_key,
  (retired_at is not null)::boolean as retired,
  verifies_until
from signing_keys
order by created_at, id;

-- name: SealSigningKey :exec
-- SealSigningKey replaces the private key as it was found.
update signing_keys
set private_key = sqlc.arg(sealed)
where id = sqlc.arg(id)
  and private_key = sqlc.arg(found);

-- name: RetireSigningKeys :many
-- RetireSigningKeys lets the keys that sign sign no more.
update signing_keys
set
  retired_at = sqlc.arg(at)::timestamptz,
  verifies_until = sqlc.arg(verifies_until)::timestamptz
where retired_at is null
returning id;

-- name: AddSigningKey :exec
insert into signing_keys (id, algorithm, public_key, private_key)
values (sqlc.arg(id), sqlc.arg(algorithm), sqlc.arg(public_key), sqlc.arg(private_key));

-- name: SecondFactor :one
-- SecondFactor returns the second factor of the transaction's user.
select
  f.created_at,
  f.confirmed_at,
  (select count(*) from recovery_codes as c where c.user_id = f.user_id) as recovery_codes
from mfa_factors as f
where f.user_id = (select request_user());

-- name: LockFactor :one
-- LockFactor returns the second factor of the transaction's user and locks it: the attempts on a factor take turns.
select
  secret,
  created_at,
  confirmed_at,
  last_step,
  failures,
  failed_at
from mfa_factors
where user_id = (select request_user())
for update;

-- name: EnrolFactor :execrows
-- EnrolFactor adds a second factor that waits to be confirmed, in place of another one that still waits.
insert into mfa_factors (user_id, secret, created_at)
values (request_user(), sqlc.arg(secret), sqlc.arg(at))
on conflict (user_id) do update
set
  secret = excluded.secret,
  created_at = excluded.created_at,
  last_step = 0
where mfa_factors.confirmed_at is null;

-- name: ConfirmFactor :execrows
update mfa_factors
set confirmed_at = sqlc.arg(at)::timestamptz
where user_id = (select request_user())
  and confirmed_at is null;

-- name: NoteAttempt :exec
-- NoteAttempt notes how an attempt on the second factor of the transaction's user went, and the secret as it is sealed now.
update mfa_factors
set
  secret = sqlc.arg(secret),
  last_step = sqlc.arg(last_step),
  failures = sqlc.arg(failures),
  failed_at = sqlc.narg(failed_at)
where user_id = (select request_user());

-- name: RemoveFactor :execrows
delete from mfa_factors
where user_id = (select request_user());

-- name: ForgetSecondFactor :exec
-- ForgetSecondFactor makes no session of the transaction's user count as one with a second factor any more.
update user_sessions
set second_factor = false
where user_id = (select request_user()) and revoked_at is null and second_factor;

-- name: RemoveRecoveryCodes :exec
delete from recovery_codes
where user_id = (select request_user());

-- name: AddRecoveryCodes :exec
insert into recovery_codes (user_id, code_hash, created_at)
select
  request_user(),
  unnest(sqlc.arg(hashes)::bytea[]),
  sqlc.arg(at)::timestamptz;

-- name: UseRecoveryCode :execrows
delete from recovery_codes
where user_id = (select request_user())
  and code_hash = sqlc.arg(code_hash);

-- name: KeyState :one
-- KeyState returns the API key with an id, whosever it is. It needs the setting app.key_id.
select
  business_id,
  user_id,
  secret_hash,
  scopes,
  expires_at
from api_keys
where id = sqlc.arg(id);

-- name: UseKey :exec
-- UseKey notes that a key of the transaction's user was used, unless that was noted within the last minute.
update api_keys
set last_used_at = sqlc.arg(at)::timestamptz
where id = sqlc.arg(id)
  and user_id = (select request_user())
  and (last_used_at is null or last_used_at <= sqlc.arg(at)::timestamptz - interval '1 minute');

-- name: AddKey :exec
insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, created_at, expires_at)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  request_user(),
  sqlc.arg(name),
  sqlc.arg(secret_hash),
  sqlc.arg(scopes),
  sqlc.arg(created_at),
  sqlc.arg(expires_at)
);

-- name: Keys :many
-- Keys returns the API keys of the transaction's user, newest first.
select
  id,
  business_id,
  name,
  scopes,
  created_at,
  expires_at,
  last_used_at
from api_keys
where user_id = (select request_user())
order by created_at desc, id
limit sqlc.arg(most);

-- name: CountKeys :one
select count(*)
from api_keys
where user_id = (select request_user());

-- name: RemoveKey :one
delete from api_keys
where id = sqlc.arg(id)
  and user_id = (select request_user())
returning name;
