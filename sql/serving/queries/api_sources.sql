-- name: ListSources :many
-- ListSources returns sources of a business by name, from after a name on.
select
  s.id,
  s.name,
  s.kind,
  s.config,
  s.schedule,
  s.is_active,
  s.last_run_at,
  s.last_status,
  s.last_error,
  s.next_due_at,
  s.requested_at,
  s.created_at,
  s.updated_at
from kpi_sources as s
where s.business_id = sqlc.arg(business_id)
  and s.name > sqlc.arg(after_name)::text
order by s.name
limit sqlc.arg(most);

-- name: LockSource :one
-- LockSource returns one source and keeps others from changing it until the transaction ends.
select
  s.id,
  s.name,
  s.kind,
  s.config,
  s.schedule,
  s.is_active,
  s.last_run_at,
  s.last_status,
  s.last_error,
  s.next_due_at,
  s.requested_at,
  s.created_at,
  s.updated_at
from kpi_sources as s
where s.business_id = sqlc.arg(business_id) and s.id = sqlc.arg(id)
for update;

-- name: SourceKPIs :many
-- SourceKPIs returns the KPIs of sources, by name.
select
  source_id,
  id,
  name,
  description,
  unit,
  currency,
  aggregation,
  grain,
  non_negative,
  is_active
from kpis
where business_id = sqlc.arg(business_id) and source_id = any(sqlc.arg(source_ids)::uuid[])
order by name;

-- name: InsertSource :exec
insert into kpi_sources (business_id, id, name, kind, config, schedule, is_active, next_due_at, created_at, updated_at)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  sqlc.arg(name),
  sqlc.arg(kind),
  sqlc.arg(config),
  sqlc.narg(schedule),
  sqlc.arg(is_active),
  sqlc.narg(next_due_at),
  sqlc.arg(at),
  sqlc.arg(at)
);

-- name: ChangeSource :execrows
-- ChangeSource replaces what a source's owner says of it. What landed is looked at anew.
update kpi_sources
set
  name = sqlc.arg(name),
  config = sqlc.arg(config),
  schedule = sqlc.narg(schedule),
  is_active = sqlc.arg(is_active),
  next_due_at = sqlc.narg(next_due_at),
  validator = null,
  last_content = null,
  updated_at = sqlc.arg(at)
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: RemoveSource :execrows
delete from kpi_sources
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: RequestSourceRun :execrows
-- RequestSourceRun notes that somebody wants a source to be read now; an earlier wish stands.
update kpi_sources
set requested_at = coalesce(requested_at, sqlc.arg(at)::timestamptz)
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id) and is_active;

-- name: SaveKPI :exec
-- SaveKPI adds a KPI of a source, or changes the one with its id.
insert into kpis (business_id, id, source_id, name, description, unit, currency, aggregation, grain, non_negative)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  sqlc.arg(source_id),
  sqlc.arg(name),
  sqlc.arg(description),
  sqlc.arg(unit),
  sqlc.narg(currency),
  sqlc.arg(aggregation),
  sqlc.arg(grain),
  sqlc.arg(non_negative)
)
on conflict (business_id, id) do update set
  name = excluded.name,
  description = excluded.description,
  unit = excluded.unit,
  currency = excluded.currency,
  aggregation = excluded.aggregation,
  grain = excluded.grain,
  non_negative = excluded.non_negative,
  is_active = true,
  updated_at = now();

-- name: RetireKPIs :execrows
-- RetireKPIs switches off the KPIs of a source that are not among ids; their history stays.
update kpis
set is_active = false, updated_at = now()
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id) and is_active and id <> all(sqlc.arg(ids)::uuid[]);

-- name: SaveSecret :exec
insert into source_secrets (business_id, source_id, name, sealed, created_at)
values (sqlc.arg(business_id), sqlc.arg(source_id), sqlc.arg(name), sqlc.arg(sealed), sqlc.arg(at))
on conflict (business_id, source_id, name) do update set
  sealed = excluded.sealed,
  created_at = excluded.created_at,
  expires_at = null;

-- name: KeepSecrets :execrows
-- KeepSecrets removes the secrets of a source that are not among names.
delete from source_secrets
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id) and name <> all(sqlc.arg(names)::text[]);

-- name: SecretNames :many
-- SecretNames returns which secrets of sources are set, and until when.
select
  source_id,
  name,
  created_at,
  expires_at
from source_secrets
where business_id = sqlc.arg(business_id) and source_id = any(sqlc.arg(source_ids)::uuid[])
order by source_id, created_at, name;

-- name: ExpireSecrets :execrows
-- ExpireSecrets lets the push keys of a source end at an instant, unless they end before.
update source_secrets
set expires_at = sqlc.arg(at)::timestamptz
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id) and name like 'push/%'
  and (expires_at is null or expires_at > sqlc.arg(at)::timestamptz);

-- name: RemoveExpiredSecrets :execrows
delete from source_secrets
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id) and expires_at <= sqlc.arg(at)::timestamptz;

-- name: PushTarget :one
select t.business_id::uuid as business_id, t.kpis::jsonb as kpis, t.keys::jsonb as keys
from push_target(sqlc.arg(source_id)::uuid) as t;

-- name: AcceptPush :one
select accept_push(
  sqlc.arg(source_id)::uuid,
  sqlc.arg(id)::uuid,
  sqlc.arg(digest)::bytea,
  sqlc.arg(received_at)::timestamptz,
  sqlc.arg(ready_at)::timestamptz,
  sqlc.arg(points)::jsonb,
  sqlc.arg(rejects)::jsonb
)::text as outcome;

-- name: DueSources :many
-- DueSources returns the sources of some kinds that are to be read at an instant, those that wait longest first.
select
  s.business_id,
  s.id,
  s.name,
  s.kind,
  s.config,
  s.schedule,
  s.validator,
  b.time_zone
from kpi_sources as s
join businesses as b on b.id = s.business_id
where s.is_active
  and s.kind = any(sqlc.arg(kinds)::text[])
  and least(s.requested_at, s.next_due_at) <= sqlc.arg(at)::timestamptz
order by least(s.requested_at, s.next_due_at), s.id
limit sqlc.arg(most);

-- name: SourceToRead :one
-- SourceToRead returns one source, active or not.
select
  s.business_id,
  s.id,
  s.name,
  s.kind,
  s.config,
  s.schedule,
  s.validator,
  b.time_zone
from kpi_sources as s
join businesses as b on b.id = s.business_id
where s.business_id = sqlc.arg(business_id) and s.id = sqlc.arg(id);

-- name: SourceSecrets :many
-- SourceSecrets returns the sealed secrets of a source.
select name, sealed
from source_secrets
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id)
order by name;

-- name: EndSourceReading :execrows
-- EndSourceReading notes how a reading ended and when the next is due. A wish that came after the reading began stands.
update kpi_sources
set
  last_run_at = sqlc.arg(at)::timestamptz,
  last_status = sqlc.arg(status)::text,
  last_error = sqlc.narg(problem),
  validator = sqlc.narg(validator),
  next_due_at = sqlc.narg(next_due_at),
  requested_at = case when requested_at > sqlc.arg(began_at)::timestamptz then requested_at end
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: WaitingPushes :many
-- WaitingPushes returns batches that wait to land as of an instant, in the order of their coming, up to a number of points in all.
select
  business_id,
  id,
  source_id,
  received_at,
  points,
  rejects
from (
  select
    p.*,
    sum(jsonb_array_length(p.points) + jsonb_array_length(p.rejects)) over (order by p.received_at, p.id) as so_far
  from pushed_batches as p
  where p.landed_at is null and p.ready_at <= sqlc.arg(at)::timestamptz
) as waiting
where so_far <= sqlc.arg(most)::bigint
order by received_at, id;

-- name: EndPushes :execrows
-- EndPushes notes that batches have landed and forgets their points.
update pushed_batches
set landed_at = sqlc.arg(at)::timestamptz, points = '[]', rejects = '[]'
where id = any(sqlc.arg(ids)::uuid[]) and landed_at is null;

-- name: ForgetPushes :execrows
-- ForgetPushes removes batches that landed before an instant.
delete from pushed_batches
where landed_at < sqlc.arg(before)::timestamptz;

-- name: NotePush :execrows
-- NotePush notes on its source that a push has landed.
update kpi_sources
set last_run_at = sqlc.arg(at)::timestamptz, last_status = sqlc.arg(status)::text, last_error = sqlc.narg(problem)
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: SealedSecrets :many
-- SealedSecrets returns secrets of all businesses from after a place on.
select business_id, source_id, name, sealed
from source_secrets
where (business_id, source_id, name) > (sqlc.arg(after_business)::uuid, sqlc.arg(after_source)::uuid, sqlc.arg(after_name)::text)
order by business_id, source_id, name
limit sqlc.arg(most);

-- name: ResealSecret :execrows
-- ResealSecret replaces the sealed form of a secret that is still the same.
update source_secrets
set sealed = sqlc.arg(sealed)
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id) and name = sqlc.arg(name) and sealed = sqlc.arg(before);
