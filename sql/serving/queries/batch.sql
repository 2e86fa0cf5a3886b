-- name: Businesses :many
-- Businesses returns every business that the role may see, by id. What its settings do not say is NaN.
select
  id,
  name,
  industry,
  time_zone,
  currency,
  country,
  place,
  place_id,
  latitude,
  longitude,
  news_query,
  coalesce(settings -> 'anomalies' ->> 'expected_alarms', 'NaN')::double precision as expected_alarms,
  coalesce(settings -> 'anomalies' ->> 'least_share', 'NaN')::double precision as least_share
from businesses
order by id;

-- name: KPIs :many
-- KPIs returns the active KPIs of every business that the role may see, by business and id.
select
  business_id,
  id,
  source_id,
  name,
  description,
  unit,
  currency,
  aggregation,
  grain,
  non_negative,
  lowest,
  highest,
  is_integer,
  part_of,
  least_deviation
from kpis
where is_active
order by business_id, id;

-- name: CalendarEntries :many
-- CalendarEntries returns what every business that the role may see says of its days, by business and id.
select
  business_id,
  id,
  kpi_id,
  kind,
  name,
  first_day,
  last_day
from calendar_entries
order by business_id, id;

-- name: Sources :many
-- Sources returns the active sources of every business that the role may see, by business and id.
select
  business_id,
  id,
  name,
  kind,
  config,
  coalesce(last_content, '')::text as last_content
from kpi_sources
where is_active
order by business_id, id;

-- name: SetPlace :execrows
-- SetPlace notes what a business's place name was found to be; one that was renamed meanwhile stays as it is.
update businesses
set
  place_id = sqlc.arg(place_id),
  latitude = sqlc.arg(latitude),
  longitude = sqlc.arg(longitude),
  updated_at = now()
where id = sqlc.arg(id) and place = sqlc.arg(place)
  and (place_id, latitude, longitude) is distinct from (sqlc.arg(place_id), sqlc.arg(latitude), sqlc.arg(longitude));

-- name: RecordSourceRun :execrows
update kpi_sources
set
  last_run_at = sqlc.arg(at)::timestamptz,
  last_status = sqlc.arg(status)::text,
  last_error = sqlc.narg(error),
  last_content = sqlc.narg(content)
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: AddUser :execrows
insert into users (id, email, password_hash, full_name, email_verified_at)
values (sqlc.arg(id), sqlc.arg(email), sqlc.arg(password_hash), sqlc.arg(full_name), now())
on conflict do nothing;

-- name: AddBusiness :execrows
insert into businesses (id, name, industry, time_zone, currency, country, place, news_query)
values (
  sqlc.arg(id),
  sqlc.arg(name),
  sqlc.arg(industry),
  sqlc.arg(time_zone),
  sqlc.arg(currency),
  sqlc.arg(country),
  sqlc.arg(place),
  sqlc.arg(news_query)
)
on conflict do nothing;

-- name: AddMember :execrows
insert into memberships (business_id, user_id, role)
values (sqlc.arg(business_id), sqlc.arg(user_id), sqlc.arg(role))
on conflict do nothing;

-- name: AddSource :execrows
insert into kpi_sources (business_id, id, name, kind, config)
values (sqlc.arg(business_id), sqlc.arg(id), sqlc.arg(name), sqlc.arg(kind), sqlc.arg(config))
on conflict do nothing;

-- name: AddKPI :execrows
insert into kpis (business_id, id, source_id, name, description, unit, currency, aggregation, grain, non_negative, lowest, highest, is_integer, part_of, least_deviation)
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
  sqlc.arg(non_negative),
  sqlc.narg(lowest),
  sqlc.narg(highest),
  sqlc.arg(is_integer),
  sqlc.narg(part_of),
  sqlc.narg(least_deviation)
)
on conflict do nothing;
