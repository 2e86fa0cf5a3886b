-- name: Alerts :many
-- Alerts returns the alerts of the request's business by id, after the alert after_id.
select
  id,
  kpi_id,
  name,
  condition,
  threshold,
  window_days,
  severity,
  channels,
  is_active,
  last_fired_at,
  version,
  created_at,
  updated_at
from alerts
where business_id = (select request_business())
  and (sqlc.narg(after_id)::uuid is null or id > sqlc.narg(after_id)::uuid)
  and (sqlc.narg(only_id)::uuid is null or id = sqlc.narg(only_id)::uuid)
  and (sqlc.narg(only_kpi)::uuid is null or kpi_id is null or kpi_id = sqlc.narg(only_kpi)::uuid)
order by id
limit sqlc.arg(most)::integer;

-- name: OpenFirings :many
-- OpenFirings returns for some alerts of the request's business where they hold now, by alert and KPI.
select
  f.alert_id,
  f.kpi_id,
  k.name as kpi_name,
  f.day,
  f.value,
  f.fired_at
from alert_firings as f
inner join alerts as a on a.business_id = f.business_id and a.id = f.alert_id and a.rule = f.rule and a.is_active
inner join kpis as k on k.business_id = f.business_id and k.id = f.kpi_id
where f.business_id = (select request_business())
  and f.alert_id = any(sqlc.arg(alerts)::uuid[])
  and f.resolved_at is null
order by f.alert_id, k.name, f.kpi_id;

-- name: CountAlerts :one
select count(*) from alerts where business_id = (select request_business());

-- name: HasKPI :one
select exists (select 1 from kpis where business_id = (select request_business()) and id = sqlc.arg(id)) as found;

-- name: AddAlert :exec
insert into alerts (business_id, id, kpi_id, name, condition, threshold, window_days, severity, channels, is_active, created_by, created_at, updated_at)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  sqlc.narg(kpi_id),
  sqlc.arg(name),
  sqlc.arg(condition),
  sqlc.narg(threshold),
  sqlc.arg(window_days),
  sqlc.arg(severity),
  sqlc.arg(channels),
  sqlc.arg(is_active),
  sqlc.arg(created_by),
  sqlc.arg(at),
  sqlc.arg(at)
);

-- name: ChangeAlert :execrows
-- ChangeAlert replaces an alert, provided that it still has the version, if one is given.
update alerts
set
  kpi_id = sqlc.narg(kpi_id),
  name = sqlc.arg(name),
  condition = sqlc.arg(condition),
  threshold = sqlc.narg(threshold),
  window_days = sqlc.arg(window_days),
  severity = sqlc.arg(severity),
  channels = sqlc.arg(channels),
  is_active = sqlc.arg(is_active),
  updated_at = sqlc.arg(at),
  version = version + 1,
  rule = rule + case
    when (kpi_id, condition, threshold, window_days)
      is distinct from (sqlc.narg(kpi_id)::uuid, sqlc.arg(condition)::text, sqlc.narg(threshold)::double precision, sqlc.arg(window_days)::integer) then 1
    else 0
  end
where business_id = (select request_business())
  and id = sqlc.arg(id)
  and (sqlc.narg(version)::integer is null or version = sqlc.narg(version)::integer);

-- name: DeleteAlert :execrows
delete from alerts where business_id = (select request_business()) and id = sqlc.arg(id);

-- name: Notifications :many
-- Notifications returns what the transaction's user is told, newest first, after the notification of after_at and after_id. What was
-- told to all members before the user was one of them is not in it, nor is what the hidden businesses told.
select
  n.id,
  n.business_id,
  b.name as business_name,
  n.alert_id,
  n.kind,
  n.severity,
  n.title,
  n.body,
  n.data,
  n.created_at,
  r.read_at
from memberships as m
inner join businesses as b on b.id = m.business_id
inner join notifications as n on n.business_id = m.business_id
left join notification_reads as r on r.business_id = n.business_id and r.notification_id = n.id and r.user_id = m.user_id
where m.user_id = (select request_user())
  and (n.user_id = m.user_id or (n.user_id is null and n.created_at >= m.created_at))
  and (sqlc.narg(business_id)::uuid is null or m.business_id = sqlc.narg(business_id)::uuid)
  and (sqlc.narg(only_id)::uuid is null or n.id = sqlc.narg(only_id)::uuid)
  and m.business_id <> all(sqlc.arg(hidden)::uuid[])
  and (not sqlc.arg(unread)::boolean or r.read_at is null)
  and (sqlc.narg(after_at)::timestamptz is null or (n.created_at, n.id) < (sqlc.narg(after_at)::timestamptz, sqlc.narg(after_id)::uuid))
order by n.created_at desc, n.id desc
limit sqlc.arg(most)::integer;

-- name: CountUnread :one
-- CountUnread counts what the transaction's user has not read, up to most, without the hidden businesses.
select count(*)
from (
  select 1
  from memberships as m
  inner join notifications as n on n.business_id = m.business_id
  where m.user_id = (select request_user())
    and (n.user_id = m.user_id or (n.user_id is null and n.created_at >= m.created_at))
    and m.business_id <> all(sqlc.arg(hidden)::uuid[])
    and not exists (
      select 1 from notification_reads as r
      where r.business_id = n.business_id and r.notification_id = n.id and r.user_id = m.user_id
    )
  limit sqlc.arg(most)::integer
) as unread;

-- name: ReadNotification :execrows
insert into notification_reads (business_id, notification_id, user_id, read_at)
values (sqlc.arg(business_id), sqlc.arg(id), (select request_user()), sqlc.arg(at))
on conflict do nothing;

-- name: Listen :exec
-- Listen makes the connection hear of every event when its transaction commits.
listen signalcraft_events;

-- name: EventPosition :one
select event_position()::bigint as id;

-- name: EventHeads :many
select
  h.id,
  h.business_id,
  h.user_id,
  h.kind
from event_heads(sqlc.arg(after)::bigint, sqlc.arg(most)::integer) as h;

-- name: EventsByID :many
-- EventsByID returns those of some events that the transaction's user may see, by id.
select
  id,
  business_id,
  user_id,
  kind,
  payload,
  at
from events
where id = any(sqlc.arg(ids)::bigint[])
order by id;

-- name: EventTail :many
-- EventTail returns the events after one that the transaction's user may see, by id; of one business, and those of
-- no business, when one is given.
select
  id,
  business_id,
  user_id,
  kind,
  payload,
  at,
  (at < now() - sqlc.arg(reach)::interval)::boolean as is_old
from events
where id > sqlc.arg(after)
  and (sqlc.narg(only_business)::uuid is null or business_id is null or business_id = sqlc.narg(only_business)::uuid)
order by id
limit sqlc.arg(most)::integer;

-- name: PrunedTo :one
select pruned_to from event_tail;

-- name: StandingSessions :many
-- StandingSessions returns those of some sessions of the transaction's user that have not ended.
select
  s.id,
  s.second_factor
from user_sessions as s
inner join users as u on u.id = s.user_id
where s.user_id = (select request_user())
  and s.id = any(sqlc.arg(ids)::uuid[])
  and s.revoked_at is null
  and s.expires_at > sqlc.arg(now)::timestamptz
  and s.ends_at > sqlc.arg(now)::timestamptz
  and u.is_active;

-- name: OwnMemberships :many
-- OwnMemberships returns the businesses that the transaction's user belongs to, and what their policies go by.
select
  m.business_id,
  m.role,
  b.subscription_tier
from memberships as m
inner join businesses as b on b.id = m.business_id
where m.user_id = (select request_user());
