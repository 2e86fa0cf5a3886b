-- name: ErasePublishedKPI :exec
select erase_published_kpi(sqlc.arg(kpi_id)::uuid);

-- name: GoneBusinesses :many
-- GoneBusinesses returns those of the ids that no business has.
select asked::uuid as id
from unnest(sqlc.arg(ids)::uuid[]) as asked
where not exists (select from businesses where businesses.id = asked);

-- name: ErasedKPIs :many
-- ErasedKPIs returns those of the ids that a KPI had before it was deleted.
select subject_id
from erasures
where kind = 'kpi' and subject_id = any(sqlc.arg(ids)::uuid[]);

-- name: NoteComputed :exec
-- NoteComputed notes as of when marts were computed. One that was computed from earlier rows never takes a later one's place.
insert into freshness (part, computed_from)
values (sqlc.arg(part), sqlc.arg(at)::timestamptz)
on conflict (part) do update set computed_from = greatest(freshness.computed_from, excluded.computed_from);

-- name: ComputedFrom :many
select
  part,
  computed_from
from freshness
where computed_from is not null;

-- name: NotePublished :exec
update freshness
set published_from = greatest(published_from, sqlc.arg(at)::timestamptz)
where part = sqlc.arg(part);

-- name: PublishedFrom :many
-- PublishedFrom returns up to when what has landed is in the published numbers.
select
  part,
  published_from
from freshness
where published_from is not null;

-- name: ErasePartings :exec
-- ErasePartings removes what its former members were told of the end of a business.
delete from events
where kind = 'membership.ended' and payload ->> 'business_id' = sqlc.arg(business_id)::uuid::text;
