-- name: TakeToken :many
-- TakeToken takes a token from a bucket, atomically, unless it is empty: a bucket holds what refills in window, one
-- token in step. The answer is when the bucket is full again and whether a token was taken; no row when the bucket was
-- emptied by others in the same moment.
with taken as (
  insert into rate_buckets as b (bucket, full_at)
  values (sqlc.arg(bucket), sqlc.arg(now)::timestamptz + sqlc.arg(step)::interval)
  on conflict (bucket) do update
    set full_at = greatest(b.full_at, sqlc.arg(now)::timestamptz) + sqlc.arg(step)::interval
    where greatest(b.full_at, sqlc.arg(now)::timestamptz) + sqlc.arg(step)::interval <= sqlc.arg(now)::timestamptz + sqlc.arg(span)::interval
  returning b.full_at
)
select t.full_at, true as allowed
from taken as t
union all
select b.full_at, false as allowed
from rate_buckets as b
where b.bucket = sqlc.arg(bucket) and not exists (select 1 from taken);

-- name: DropFullBuckets :exec
-- DropFullBuckets removes buckets that hold nobody back.
delete from rate_buckets
where bucket in (select b.bucket from rate_buckets as b where b.full_at <= sqlc.arg(now) limit 1000 for update skip locked);

-- name: DropExpiredKeys :exec
delete from idempotency_keys
where user_id = (select request_user()) and expires_at <= sqlc.arg(now);

-- name: ClaimKey :execrows
-- ClaimKey claims a key that is new, or whose claimant did not come back before the lease ended.
insert into idempotency_keys as k (user_id, principal, key, operation, claim, leased_until, expires_at)
values ((select request_user()), sqlc.arg(principal), sqlc.arg(key), sqlc.arg(operation), sqlc.arg(claim), sqlc.arg(leased_until), sqlc.arg(expires_at))
on conflict (user_id, principal, key) do update
  set operation = excluded.operation, claim = excluded.claim, leased_until = excluded.leased_until, expires_at = excluded.expires_at
  where k.answer is null and k.leased_until <= sqlc.arg(now)::timestamptz;

-- name: KeptAnswer :one
select
  operation,
  leased_until,
  fingerprint,
  status,
  answer
from idempotency_keys
where principal = sqlc.arg(principal) and key = sqlc.arg(key);

-- name: KeepAnswer :execrows
-- KeepAnswer keeps the answer of the request that claimed a key, unless another one took over meanwhile.
update idempotency_keys
set fingerprint = sqlc.arg(fingerprint)::bytea, status = sqlc.arg(status)::integer, answer = sqlc.arg(answer)::text
where principal = sqlc.arg(principal) and key = sqlc.arg(key) and claim = sqlc.arg(claim) and answer is null;

-- name: HoldsClaim :one
-- HoldsClaim locks the claim, so that nobody takes over before the transaction ends.
select exists (
  select 1 from idempotency_keys
  where principal = sqlc.arg(principal) and key = sqlc.arg(key) and claim = sqlc.arg(claim) and answer is null
  for update
) as holds;

-- name: DropClaim :exec
delete from idempotency_keys
where principal = sqlc.arg(principal) and key = sqlc.arg(key) and claim = sqlc.arg(claim) and answer is null;

-- name: AuditFaults :many
-- AuditFaults returns what is wrong with the audit log; id 0 stands for an entry that is gone.
select
  f.chain::text as chain,
  f.seq::bigint as seq,
  coalesce(f.id, 0)::bigint as id,
  f.fault::text as fault
from verify_audit() as f
limit sqlc.arg(most);

-- name: AuditState :one
select
  s.entries::bigint as entries,
  s.chains::bigint as chains,
  s.erased::bigint as erased,
  s.digest::text as digest
from audit_state() as s;

-- name: OperatorAuditFaults :many
-- OperatorAuditFaults is AuditFaults for an operator of the installation.
select
  f.chain::text as chain,
  f.seq::bigint as seq,
  coalesce(f.id, 0)::bigint as id,
  f.fault::text as fault
from operator_verify_audit() as f
limit sqlc.arg(most);

-- name: OperatorAuditState :one
-- OperatorAuditState is AuditState for an operator of the installation.
select
  s.entries::bigint as entries,
  s.chains::bigint as chains,
  s.erased::bigint as erased,
  s.digest::text as digest
from operator_audit_state() as s;

-- name: EraseAuditOrigins :one
select erase_audit_origins() as erased;
