-- name: BusinessDetails :many
-- What members, owners and operators ask of tenants. Each query runs under row-level security: in a transaction of a
-- user, of a member of one business, or of an operator.
--
-- BusinessDetails returns the user's businesses by name and id, after those of after_name and after_id.
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
  b.subscription_tier,
  b.version,
  b.created_at,
  b.updated_at,
  m.role
from memberships as m
inner join businesses as b on b.id = m.business_id
where m.user_id = (select request_user())
  and (b.name, b.id) > (sqlc.arg(after_name)::text, sqlc.arg(after_id)::uuid)
order by b.name, b.id
limit sqlc.arg(most)::integer;

-- name: BusinessDetail :one
-- BusinessDetail returns the request's business.
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
  b.subscription_tier,
  b.version,
  b.created_at,
  b.updated_at,
  m.role
from businesses as b
inner join memberships as m on m.business_id = b.id
where b.id = (select request_business()) and m.user_id = (select request_user());

-- name: FoundBusiness :exec
insert into businesses (id, name, industry, time_zone, currency, country, place, latitude, longitude, news_query, created_by, created_at, updated_at)
values (
  sqlc.arg(id),
  sqlc.arg(name),
  sqlc.arg(industry),
  sqlc.arg(time_zone),
  sqlc.arg(currency),
  sqlc.arg(country),
  sqlc.arg(place),
  sqlc.narg(latitude),
  sqlc.narg(longitude),
  sqlc.arg(news_query),
  (select request_user()),
  sqlc.arg(at),
  sqlc.arg(at)
);

-- name: OwnFoundedBusiness :exec
insert into memberships (business_id, user_id, role, created_at)
values (sqlc.arg(business_id), (select request_user()), 'owner', sqlc.arg(at));

-- name: CountOwned :one
select count(*)
from memberships
where user_id = (select request_user()) and role = 'owner';

-- name: ChangeBusiness :execrows
-- ChangeBusiness changes the request's business if it has the version. Coordinates that were found for a place do
-- not outlive it.
update businesses
set
  name = sqlc.arg(name),
  industry = sqlc.arg(industry),
  time_zone = sqlc.arg(time_zone),
  currency = sqlc.arg(currency),
  country = sqlc.arg(country),
  place = sqlc.arg(place),
  place_id = case when (place, country) = (sqlc.arg(place), sqlc.arg(country)) and (latitude, longitude) is not distinct from (sqlc.narg(latitude), sqlc.narg(longitude)) then place_id end,
  latitude = sqlc.narg(latitude),
  longitude = sqlc.narg(longitude),
  news_query = sqlc.arg(news_query),
  updated_at = sqlc.arg(at)
where id = (select request_business()) and version = sqlc.arg(version);

-- name: EraseBusiness :exec
-- EraseBusiness notes the erasure and removes what is published of the request's business.
select erase_business(sqlc.arg(at)::timestamptz);

-- name: DeleteBusiness :execrows
delete from businesses
where id = (select request_business());

-- name: LockBusiness :exec
-- LockBusiness makes changes that count what the request's business has wait for each other.
select pg_advisory_xact_lock(hashtextextended('signalcraft.business.' || (select request_business()), 0));

-- name: LockUser :exec
-- LockUser makes changes that count what the request's user has wait for each other.
select pg_advisory_xact_lock(hashtextextended('signalcraft.user.' || (select request_user()), 0));

-- name: Settings :one
select
  settings,
  settings_version
from businesses
where id = (select request_business());

-- name: ChangeSettings :execrows
update businesses
set
  settings = sqlc.arg(settings),
  updated_at = sqlc.arg(at)
where id = (select request_business())
  and (sqlc.narg(version)::bigint is null or settings_version = sqlc.narg(version)::bigint);

-- name: Members :many
-- Members returns the members of the request's business by when they joined.
select
  m.user_id,
  m.role,
  m.created_at,
  u.email,
  u.full_name,
  u.is_active
from memberships as m
inner join users as u on u.id = m.user_id
where m.business_id = (select request_business())
  and (sqlc.narg(after_at)::timestamptz is null or (m.created_at, m.user_id) > (sqlc.narg(after_at)::timestamptz, sqlc.arg(after_id)::uuid))
order by m.created_at, m.user_id
limit sqlc.arg(most)::integer;

-- name: Member :one
select
  m.user_id,
  m.role,
  m.created_at,
  u.email,
  u.full_name,
  u.is_active
from memberships as m
inner join users as u on u.id = m.user_id
where m.business_id = (select request_business()) and m.user_id = sqlc.arg(user_id);

-- name: ChangeRole :execrows
update memberships
set role = sqlc.arg(role)
where business_id = (select request_business()) and user_id = sqlc.arg(user_id);

-- name: RemoveMember :execrows
delete from memberships
where business_id = (select request_business()) and user_id = sqlc.arg(user_id);

-- name: DropInvitationsOf :execrows
-- DropInvitationsOf removes the invitations that somebody made who may not any more.
delete from invitations
where business_id = (select request_business()) and invited_by = sqlc.arg(user_id);

-- name: OwnerAddresses :many
-- OwnerAddresses returns where to write to the owners of the request's business.
select
  u.id,
  u.email
from memberships as m
inner join users as u on u.id = m.user_id
where m.business_id = (select request_business()) and m.role = 'owner' and u.is_active
order by u.id;

-- name: Invitations :many
-- Invitations returns the invitations of the request's business by when they were made, also expired ones.
select
  id,
  email,
  role,
  invited_by,
  created_at,
  expires_at
from invitations
where business_id = (select request_business())
  and (sqlc.narg(after_at)::timestamptz is null or (created_at, id) > (sqlc.narg(after_at)::timestamptz, sqlc.arg(after_id)::uuid))
order by created_at, id
limit sqlc.arg(most)::integer;

-- name: Invite :exec
-- Invite adds an invitation in place of one to the same address.
insert into invitations (business_id, id, email, role, token_hash, invited_by, created_at, expires_at)
values (
  (select request_business()),
  sqlc.arg(id),
  sqlc.arg(email),
  sqlc.arg(role),
  sqlc.arg(token_hash),
  (select request_user()),
  sqlc.arg(created_at),
  sqlc.arg(expires_at)
)
on conflict (business_id, lower(email)) do update
set
  id = excluded.id,
  email = excluded.email,
  role = excluded.role,
  token_hash = excluded.token_hash,
  invited_by = excluded.invited_by,
  created_at = excluded.created_at,
  expires_at = excluded.expires_at;

-- name: IsMemberAddress :one
select exists (
  select 1
  from memberships as m
  inner join users as u on u.id = m.user_id
  where m.business_id = (select request_business()) and lower(u.email) = lower(sqlc.arg(email)::text)
);

-- name: DropInvitation :execrows
delete from invitations
where business_id = (select request_business()) and id = sqlc.arg(id);

-- name: AcceptInvitation :one
select
  a.business::uuid as business_id,
  a.granted::text as role
from accept_invitation(sqlc.arg(token_hash)::bytea, sqlc.arg(at)::timestamptz) as a;

-- name: Usage :one
-- Usage counts what the request's business has of what its subscription limits. The operator's files are no sources of the
-- business's making, and an invitation to new_address would be replaced: neither counts.
select
  b.subscription_tier as tier,
  b.time_zone,
  (select count(*) from kpi_sources as s where s.business_id = b.id and s.kind <> 'file')::bigint as sources,
  (select count(*) from kpis as k where k.business_id = b.id and k.is_active)::bigint as kpis,
  (select count(*) from memberships as m where m.business_id = b.id)::bigint as members,
  (select count(*) from invitations as i
    where i.business_id = b.id and i.expires_at > sqlc.arg(at)::timestamptz
      and lower(i.email) <> lower(sqlc.arg(new_address)::text))::bigint as invitations
from businesses as b
where b.id = (select request_business());

-- name: OpenInvitations :one
-- OpenInvitations counts the invitations of the request's business that have not expired; only admins see any.
select count(*)
from invitations
where business_id = (select request_business()) and expires_at > sqlc.arg(at)::timestamptz;

-- name: PendingChange :one
-- PendingChange returns the change of subscription that was asked for and is not done.
select
  id,
  from_tier,
  to_tier
from subscription_changes
where business_id = (select request_business()) and status = 'pending'
for update;

-- name: AskChange :exec
insert into subscription_changes (business_id, id, from_tier, to_tier, provider, requested_by, requested_at)
values (
  (select request_business()),
  sqlc.arg(id),
  sqlc.arg(from_tier),
  sqlc.arg(to_tier),
  sqlc.arg(provider),
  (select request_user()),
  sqlc.arg(at)
);

-- name: EndChange :execrows
update subscription_changes
set
  status = sqlc.arg(status),
  reference = sqlc.arg(reference),
  done_at = sqlc.arg(at)::timestamptz
where business_id = (select request_business()) and id = sqlc.arg(id) and status = 'pending';

-- name: SetTier :execrows
update businesses
set
  subscription_tier = sqlc.arg(tier),
  updated_at = sqlc.arg(at)
where id = (select request_business());

-- name: KPIDetails :many
-- KPIDetails returns the KPIs of the request's business by name and id, each with the last day that is published of it.
select
  k.id,
  k.source_id,
  s.name as source_name,
  s.kind as source_kind,
  k.name,
  k.description,
  k.unit,
  k.currency,
  k.aggregation,
  k.grain,
  k.non_negative,
  k.lowest,
  k.highest,
  k.is_integer,
  k.part_of,
  k.least_deviation,
  k.is_active,
  k.version,
  k.created_at,
  k.updated_at,
  coalesce(to_char(l.day, 'YYYY-MM-DD'), '')::text as last_day
from kpis as k
inner join kpi_sources as s on s.business_id = k.business_id and s.id = k.source_id
left join lateral (
  select d.day
  from serving.kpi_data as d
  where d.business_id = k.business_id and d.kpi_id = k.id and d.value is not null
  order by d.day desc
  limit 1
) as l on true
where k.business_id = (select request_business())
  and (k.name, k.id) > (sqlc.arg(after_name)::text, sqlc.arg(after_id)::uuid)
  and (sqlc.narg(only_id)::uuid is null or k.id = sqlc.narg(only_id)::uuid)
order by k.name, k.id
limit sqlc.arg(most)::integer;

-- name: ChangeKPI :execrows
update kpis
set
  name = sqlc.arg(name),
  description = sqlc.arg(description),
  unit = sqlc.arg(unit),
  currency = sqlc.narg(currency),
  aggregation = sqlc.arg(aggregation),
  non_negative = sqlc.arg(non_negative),
  lowest = sqlc.narg(lowest),
  highest = sqlc.narg(highest),
  is_integer = sqlc.arg(is_integer),
  part_of = sqlc.narg(part_of),
  least_deviation = sqlc.narg(least_deviation),
  is_active = sqlc.arg(is_active),
  updated_at = sqlc.arg(at)
where business_id = (select request_business()) and id = sqlc.arg(id) and version = sqlc.arg(version);

-- name: KPITotals :many
-- KPITotals returns the KPI, the one it is a part of, the one that one is a part of, and so on, each once.
with recursive totals as (
  select
    k.id,
    k.part_of
  from kpis as k
  where k.business_id = (select request_business()) and k.id = sqlc.arg(id)
  union
  select
    k.id,
    k.part_of
  from totals as t
  inner join kpis as k on k.business_id = (select request_business()) and k.id = t.part_of
)
select id from totals;

-- name: AuditEntries :many
-- AuditEntries returns what the transaction may see of the audit log, newest first.
select
  a.id,
  a.at,
  a.business_id,
  a.user_id,
  a.session_id,
  a.action,
  a.subject,
  a.subject_name,
  a.outcome,
  a.request_id,
  a.details,
  a.ip,
  a.user_agent
from audit_log as a
where a.id < sqlc.arg(before_id)
  and (sqlc.narg(business_id)::uuid is null or a.business_id = sqlc.narg(business_id)::uuid)
  and (sqlc.narg(user_id)::uuid is null or a.user_id = sqlc.narg(user_id)::uuid)
  and (sqlc.arg(action)::text = '' or a.action = sqlc.arg(action)::text)
  and (sqlc.arg(outcome)::text = '' or a.outcome = sqlc.arg(outcome)::text)
  and (sqlc.narg(from_at)::timestamptz is null or a.at >= sqlc.narg(from_at)::timestamptz)
  and (sqlc.narg(to_at)::timestamptz is null or a.at < sqlc.narg(to_at)::timestamptz)
order by a.id desc
limit sqlc.arg(most)::integer;

-- name: IsOperator :one
select request_operator()::boolean as yes;

-- name: AdminUsers :many
-- AdminUsers returns accounts by id whose address or name holds the text, for operators.
select
  u.id,
  u.email,
  u.full_name,
  u.is_active,
  u.is_operator,
  u.email_verified_at,
  u.last_login_at,
  u.created_at
from users as u
where (select request_operator())
  and u.id > sqlc.arg(after_id)
  and (sqlc.arg(search)::text = '' or strpos(lower(u.email), lower(sqlc.arg(search)::text)) > 0
    or strpos(lower(u.full_name), lower(sqlc.arg(search)::text)) > 0)
  and (sqlc.narg(only_id)::uuid is null or u.id = sqlc.narg(only_id)::uuid)
order by u.id
limit sqlc.arg(most)::integer;

-- name: AdminChangeUser :one
select change_account(sqlc.arg(id)::uuid, sqlc.arg(is_active)::boolean, sqlc.arg(is_operator)::boolean, sqlc.arg(at)::timestamptz)::boolean as found;

-- name: AdminSessions :many
-- AdminSessions returns sessions, newest first; ids are of version 7 and sort by start.
select
  s.id,
  s.user_id,
  u.email,
  s.created_at,
  s.last_used_at,
  s.expires_at,
  s.ip,
  s.user_agent,
  s.revoked_at,
  coalesce(s.revoked_reason, '')::text as revoked_reason
from user_sessions as s
inner join users as u on u.id = s.user_id
where (select request_operator())
  and s.id < sqlc.arg(before_id)
  and (sqlc.narg(user_id)::uuid is null or s.user_id = sqlc.narg(user_id)::uuid)
  and (not sqlc.arg(open_only)::boolean or (s.revoked_at is null and s.expires_at > sqlc.arg(at)::timestamptz))
order by s.id desc
limit sqlc.arg(most)::integer;

-- name: AdminEndSessions :many
-- AdminEndSessions ends sessions, one or all of a user, and returns those that were open.
update user_sessions
set
  revoked_at = sqlc.arg(at)::timestamptz,
  revoked_reason = sqlc.arg(reason)::text
where (select request_operator())
  and revoked_at is null
  and (id = sqlc.narg(id)::uuid or user_id = sqlc.narg(user_id)::uuid)
returning
  id,
  user_id;

-- name: AdminSessionExists :one
select exists (select 1 from user_sessions where (select request_operator()) and id = sqlc.arg(id));

-- name: AdminRuns :many
-- AdminRuns returns runs, newest first.
select
  id,
  job,
  as_of,
  status,
  started_at,
  finished_at
from runs
where id < sqlc.arg(before_id)
  and (sqlc.arg(job)::text = '' or job = sqlc.arg(job)::text)
  and (sqlc.arg(status)::text = '' or status = sqlc.arg(status)::text)
order by id desc
limit sqlc.arg(most)::integer;

-- name: ExportSessions :many
select
  id,
  created_at,
  last_used_at,
  expires_at,
  ends_at,
  ip,
  user_agent,
  revoked_at,
  coalesce(revoked_reason, '')::text as revoked_reason
from user_sessions
where user_id = (select request_user()) and id > sqlc.arg(after_id)
order by id
limit sqlc.arg(most)::integer;

-- name: ExportMemberships :many
select
  m.business_id,
  b.name,
  m.role,
  m.created_at
from memberships as m
inner join businesses as b on b.id = m.business_id
where m.user_id = (select request_user())
order by m.created_at, m.business_id;

-- name: ExportNotifications :many
select
  n.business_id,
  n.id,
  n.kind,
  n.severity,
  n.title,
  n.body,
  n.data,
  r.read_at,
  n.created_at
from notifications as n
left join notification_reads as r on r.business_id = n.business_id and r.notification_id = n.id and r.user_id = n.user_id
where n.user_id = (select request_user())
  and n.business_id <> all(sqlc.arg(hidden)::uuid[])
  and n.id > sqlc.arg(after_id)
order by n.id
limit sqlc.arg(most)::integer;

-- name: SoleOwnerships :many
-- SoleOwnerships returns the businesses that would be without an active owner if the transaction's user went, with how
-- many others belong to each.
select
  b.id,
  b.name,
  (select count(*) from user_colleagues(b.id) as c where c.id <> (select request_user()))::bigint as others
from memberships as m
inner join businesses as b on b.id = m.business_id
where m.user_id = (select request_user())
  and m.role = 'owner'
  and not exists (select 1 from user_colleagues(b.id) as c where c.id <> (select request_user()) and c.role = 'owner' and c.is_active)
order by b.name, b.id;

-- name: EraseTraces :exec
-- EraseTraces notes the erasure of the transaction's user and removes what no foreign key removes.
select erase_traces(sqlc.arg(at)::timestamptz);

-- name: DeleteAccount :execrows
delete from users
where id = (select request_user());

-- name: OpenErasures :many
-- OpenErasures returns what is to be erased from the lake, oldest first, for the batch; all returns those that are done too.
select
  id,
  kind,
  subject_id,
  requested_at,
  done_at
from erasures
where sqlc.arg(everything)::boolean or done_at is null
order by requested_at, id;

-- name: ErasePublished :exec
select erase_published(sqlc.arg(business_id)::uuid);

-- name: FinishErasure :execrows
update erasures
set done_at = sqlc.arg(at)::timestamptz
where id = sqlc.arg(id);

-- name: SetOperator :one
-- SetOperator makes the account with an address an operator, or no operator, for the command line.
update users
set is_operator = sqlc.arg(is_operator)
where lower(email) = lower(sqlc.arg(email)::text)
returning id;
