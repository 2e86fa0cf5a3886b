-- What a business says of its days: events, days on which it is closed, incidents.

-- name: BusinessCalendar :many
-- BusinessCalendar returns the business's entries that touch the days from from_day up to to_day, by first day and id, after the one of
-- after_day and after_id. With only_kpi those of that KPI and of every KPI.
select
  id,
  kpi_id,
  kind,
  name,
  first_day,
  last_day,
  created_at,
  updated_at
from calendar_entries
where business_id = (select request_business())
  and (sqlc.narg(only_id)::uuid is null or id = sqlc.narg(only_id)::uuid)
  and (sqlc.narg(only_kpi)::uuid is null or kpi_id is null or kpi_id = sqlc.narg(only_kpi)::uuid)
  and (sqlc.narg(from_day)::date is null or last_day >= sqlc.narg(from_day)::date)
  and (sqlc.narg(to_day)::date is null or first_day < sqlc.narg(to_day)::date)
  and (sqlc.narg(after_day)::date is null or (first_day, id) > (sqlc.narg(after_day)::date, sqlc.arg(after_id)::uuid))
order by first_day, id
limit sqlc.arg(most)::integer;

-- name: CountCalendar :one
select count(*) from calendar_entries where business_id = (select request_business());

-- name: AddCalendarEntry :exec
insert into calendar_entries (business_id, id, kpi_id, kind, name, first_day, last_day, created_at, updated_at)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  sqlc.narg(kpi_id),
  sqlc.arg(kind),
  sqlc.arg(name),
  sqlc.arg(first_day),
  sqlc.arg(last_day),
  sqlc.arg(at),
  sqlc.arg(at)
);

-- name: ChangeCalendarEntry :execrows
update calendar_entries
set
  kpi_id = sqlc.narg(kpi_id),
  kind = sqlc.arg(kind),
  name = sqlc.arg(name),
  first_day = sqlc.arg(first_day),
  last_day = sqlc.arg(last_day),
  updated_at = sqlc.arg(at)
where business_id = (select request_business()) and id = sqlc.arg(id);

-- name: DeleteCalendarEntry :execrows
delete from calendar_entries
where business_id = (select request_business()) and id = sqlc.arg(id);
