-- name: LockAlerting :exec
-- LockAlerting makes evaluations wait for each other.
select pg_advisory_xact_lock(hashtextextended('signalcraft.alerting', 0));

-- name: AlertChanges :many
-- AlertChanges judges every active alert on every KPI that it watches by what is published, and returns where a rule begins to
-- hold and where one that was open no longer does. What cannot be judged changes nothing.
with subjects as (
  select
    a.business_id,
    a.id as alert_id,
    a.rule,
    a.condition,
    a.threshold,
    a.window_days,
    k.id as kpi_id,
    (sqlc.arg(as_of)::timestamptz at time zone b.time_zone)::date as today,
    -- A day counts as missing twelve hours after it has ended: many tills deliver in the morning.
    ((sqlc.arg(as_of)::timestamptz - interval '12 hours') at time zone b.time_zone)::date as settled,
    (k.created_at at time zone b.time_zone)::date as made
  from alerts as a
  inner join businesses as b on b.id = a.business_id
  inner join kpis as k on k.business_id = a.business_id and (a.kpi_id is null or k.id = a.kpi_id)
  where a.is_active and k.is_active
),

dated as ( -- with the newest whole day, or the newest with any value
  select
    s.*,
    whole.day as last_day,
    seen.day as seen_day
  from subjects as s
  left join lateral (
    select d.day
    from serving.kpi_data as d
    where d.business_id = s.business_id and d.kpi_id = s.kpi_id and d.complete and d.value is not null and d.day < s.today
      and s.condition in ('above', 'below', 'change_above', 'change_below')
    order by d.day desc
    limit 1
  ) as whole on true
  left join lateral (
    select d.day
    from serving.kpi_data as d
    where d.business_id = s.business_id and d.kpi_id = s.kpi_id and d.value is not null and d.day < s.today
      and s.condition = 'missing'
    order by d.day desc
    limit 1
  ) as seen on true
),

measured as (
  select
    s.*,
    near.mean,
    near.days,
    near.mean_before,
    near.days_before,
    odd.day as odd_day,
    odd.value as odd_value,
    odd.days as odd_days,
    ahead.vintage,
    ahead.crossing
  from dated as s
  left join lateral (
    select
      avg(d.value) filter (where d.day > s.last_day - s.window_days) as mean,
      count(*) filter (where d.day > s.last_day - s.window_days) as days,
      avg(d.value) filter (where d.day <= s.last_day - s.window_days) as mean_before,
      count(*) filter (where d.day <= s.last_day - s.window_days) as days_before
    from serving.kpi_data as d
    where d.business_id = s.business_id and d.kpi_id = s.kpi_id and d.complete and d.value is not null
      and d.day > s.last_day - 2 * s.window_days and d.day <= s.last_day
      and s.last_day >= s.today - 31 -- nobody waits for news of older days
  ) as near on true
  left join lateral ( -- an anomaly that goes on keeps an alert open, and fires none
    select
      max(n.day) filter (where n.is_ongoing is not true) as day,
      (array_agg(n.value order by n.day desc, n.score desc, n.grain, n.starts_at) filter (where n.is_ongoing is not true))[1] as value,
      count(*) as days
    from serving.kpi_anomalies as n
    where n.business_id = s.business_id and n.kpi_id = s.kpi_id and n.day >= s.today - s.window_days
      and s.condition = 'anomaly'
  ) as odd on true
  left join lateral (
    select
      max(f.vintage) as vintage,
      (array_agg(f.mean order by f.day) filter (where (s.condition = 'forecast_above' and f.mean > s.threshold)
        or (s.condition = 'forecast_below' and f.mean < s.threshold)))[1] as crossing
    from serving.forecasts as f
    where s.condition in ('forecast_above', 'forecast_below')
      and f.business_id = s.business_id and f.kpi_id = s.kpi_id
      and f.vintage = (select max(v.vintage) from serving.forecasts as v where v.business_id = s.business_id and v.kpi_id = s.kpi_id)
      and f.vintage >= s.today - 7
      and f.day >= s.today and f.day < s.today + s.window_days
  ) as ahead on true
),

compared as ( -- half of a window's days suffice for its mean
  select
    m.*,
    case
      when m.condition in ('above', 'below') and 2 * m.days >= m.window_days then m.mean
      when m.condition in ('change_above', 'change_below') and 2 * m.days >= m.window_days and 2 * m.days_before >= m.window_days
        then (m.mean - m.mean_before) / nullif(abs(m.mean_before), 0)
      when m.condition in ('forecast_above', 'forecast_below') then m.crossing
      when m.condition = 'anomaly' then m.odd_value
    end as found
  from measured as m
),

verdicts as (
  select
    c.business_id,
    c.alert_id,
    c.kpi_id,
    c.rule,
    c.found,
    case c.condition
      when 'anomaly' then c.odd_day
      when 'missing' then c.settled - 1
      when 'forecast_above' then c.vintage
      when 'forecast_below' then c.vintage
      else c.last_day
    end as day,
    case
      when c.condition in ('above', 'change_above') then c.found > c.threshold
      when c.condition in ('below', 'change_below') then c.found < c.threshold
      when c.condition in ('forecast_above', 'forecast_below') then case when c.vintage is not null then c.found is not null end
      when c.condition = 'anomaly' then c.odd_days > 0
      when not sqlc.arg(values_current)::boolean then null
      else c.settled - coalesce(c.seen_day, c.made) > c.window_days
    end as holds
  from compared as c
),

standing as (
  select
    f.business_id,
    f.alert_id,
    f.kpi_id,
    f.rule,
    f.day
  from alert_firings as f
  where f.resolved_at is null
)

select
  (o.alert_id is null)::boolean as fires,
  coalesce(v.business_id, o.business_id)::uuid as business_id,
  coalesce(v.alert_id, o.alert_id)::uuid as alert_id,
  coalesce(v.kpi_id, o.kpi_id)::uuid as kpi_id,
  coalesce(v.rule, o.rule)::integer as rule,
  coalesce(v.day, o.day)::date as day,
  coalesce(v.found, 'NaN')::double precision as value,
  a.name,
  a.condition,
  a.threshold,
  a.window_days,
  a.severity,
  a.channels,
  b.name as business_name,
  k.name as kpi_name,
  k.unit
from verdicts as v
full join standing as o on o.business_id = v.business_id and o.alert_id = v.alert_id and o.kpi_id = v.kpi_id and o.rule = v.rule
inner join alerts as a on a.business_id = coalesce(v.business_id, o.business_id) and a.id = coalesce(v.alert_id, o.alert_id)
inner join businesses as b on b.id = a.business_id
inner join kpis as k on k.business_id = a.business_id and k.id = coalesce(v.kpi_id, o.kpi_id)
where (o.alert_id is null and v.holds and v.day is not null and not exists (
    select 1
    from alert_firings as f
    where f.business_id = v.business_id and f.alert_id = v.alert_id and f.kpi_id = v.kpi_id and f.day = v.day and f.rule = v.rule
  ))
  or (o.alert_id is not null and (v.alert_id is null or not v.holds))
order by a.business_id, a.id, k.name, k.id, fires;

-- name: AddFirings :exec
-- AddFirings records where rules began to hold; the lists go together.
insert into alert_firings (business_id, alert_id, kpi_id, day, rule, value, fired_at, run_id)
select
  unnest(sqlc.arg(businesses)::uuid[]),
  unnest(sqlc.arg(alerts)::uuid[]),
  unnest(sqlc.arg(kpis)::uuid[]),
  unnest(sqlc.arg(days)::date[]),
  unnest(sqlc.arg(rules)::integer[]),
  nullif(unnest(sqlc.arg(found)::double precision[]), 'NaN'),
  sqlc.arg(at)::timestamptz,
  sqlc.arg(run_id)::uuid;

-- name: MarkFired :exec
update alerts
set last_fired_at = sqlc.arg(at)::timestamptz
from (select unnest(sqlc.arg(businesses)::uuid[]) as business_id, unnest(sqlc.arg(alerts)::uuid[]) as alert_id) as fired
where alerts.business_id = fired.business_id and alerts.id = fired.alert_id;

-- name: ResolveFirings :exec
update alert_firings
set resolved_at = sqlc.arg(at)::timestamptz
from (
  select
    unnest(sqlc.arg(businesses)::uuid[]) as business_id,
    unnest(sqlc.arg(alerts)::uuid[]) as alert_id,
    unnest(sqlc.arg(kpis)::uuid[]) as kpi_id,
    unnest(sqlc.arg(rules)::integer[]) as rule
) as ended
where alert_firings.business_id = ended.business_id
  and alert_firings.alert_id = ended.alert_id
  and alert_firings.kpi_id = ended.kpi_id
  and alert_firings.rule = ended.rule
  and alert_firings.resolved_at is null;

-- name: AddNotices :exec
-- AddNotices adds notifications for every member of their businesses.
insert into notifications (business_id, id, alert_id, kind, severity, title, body, data, created_at)
select
  unnest(sqlc.arg(businesses)::uuid[]),
  unnest(sqlc.arg(ids)::uuid[]),
  unnest(sqlc.arg(alerts)::uuid[]),
  'alert',
  unnest(sqlc.arg(severities)::text[]),
  unnest(sqlc.arg(titles)::text[]),
  unnest(sqlc.arg(bodies)::text[]),
  unnest(sqlc.arg(data)::text[])::jsonb,
  sqlc.arg(at)::timestamptz;

-- name: AddBusinessEvents :exec
-- AddBusinessEvents adds events for every member of their businesses.
insert into events (business_id, kind, payload)
select
  unnest(sqlc.arg(businesses)::uuid[]),
  unnest(sqlc.arg(kinds)::text[]),
  unnest(sqlc.arg(payloads)::text[])::jsonb;

-- name: AddMemberMails :execrows
-- AddMemberMails queues one mail for each active member of a business.
insert into mails (id, user_id, recipient, kind, subject, body)
select
  gen_random_uuid(),
  u.id,
  u.email,
  letters.kind,
  letters.subject,
  letters.body
from (
  select
    unnest(sqlc.arg(businesses)::uuid[]) as business_id,
    unnest(sqlc.arg(kinds)::text[]) as kind,
    unnest(sqlc.arg(subjects)::text[]) as subject,
    unnest(sqlc.arg(bodies)::text[]) as body
) as letters
inner join memberships as m on m.business_id = letters.business_id
inner join users as u on u.id = m.user_id
where u.is_active;

-- name: TellAnomalies :execrows
-- TellAnomalies adds an event for each anomaly of the last week of which nobody was told.
with fresh as (
  insert into anomalies_told (business_id, kpi_id, grain, starts_at, told_at)
  select
    n.business_id,
    n.kpi_id,
    n.grain,
    n.starts_at,
    sqlc.arg(at)::timestamptz
  from businesses as b
  inner join serving.kpi_anomalies as n on n.business_id = b.id and n.day > (sqlc.arg(as_of)::timestamptz at time zone b.time_zone)::date - 7
  where n.is_ongoing is not true
    and not exists ( -- told when its first day was another one, before values were corrected
      select 1
      from anomalies_told as t
      where t.business_id = n.business_id and t.kpi_id = n.kpi_id and t.grain = n.grain and n.grain = 'day'
        and t.starts_at between n.starts_at - interval '3 days' and n.starts_at + interval '3 days'
        and t.starts_at <> n.starts_at
        and not exists (
          select 1
          from serving.kpi_anomalies as still
          where still.business_id = t.business_id and still.kpi_id = t.kpi_id and still.grain = t.grain and still.starts_at = t.starts_at
            and still.is_ongoing is not true
        )
    )
  on conflict do nothing
  returning business_id, kpi_id, grain, starts_at
)

insert into events (business_id, kind, payload)
select
  n.business_id,
  'anomaly.detected',
  jsonb_build_object(
    'kpi_id', n.kpi_id, 'kpi', k.name, 'unit', k.unit, 'grain', n.grain, 'day', n.day, 'hour', n.hour, 'value', n.value, 'expected', n.expected,
    'score', n.score, 'kind', n.kind, 'direction', n.direction, 'severity', n.severity
  )
from fresh as f
inner join serving.kpi_anomalies as n on n.business_id = f.business_id and n.kpi_id = f.kpi_id and n.grain = f.grain and n.starts_at = f.starts_at
inner join kpis as k on k.business_id = n.business_id and k.id = n.kpi_id
order by n.business_id, n.starts_at, n.kpi_id;

-- name: TellRuns :execrows
-- TellRuns adds an event for each business whose published numbers changed since the last one.
with changed as (
  delete from serving.changes
  returning business_id, table_name, run_id, as_of
)

insert into events (business_id, kind, payload)
select
  b.id,
  'run.finished',
  jsonb_build_object('run_id', (array_agg(c.run_id order by c.as_of desc, c.run_id desc))[1], 'as_of', max(c.as_of), 'tables', jsonb_agg(c.table_name order by c.table_name))
from changed as c
inner join businesses as b on b.id = c.business_id
group by b.id
order by b.id;

-- name: PruneEvents :exec
-- PruneEvents forgets events older than a week, and notes up to which.
with gone as (
  delete from events where at < now() - interval '7 days'
  returning id
)

update event_tail
set pruned_to = greatest(pruned_to, (select coalesce(max(id), 0) from gone));

-- name: PruneNotifications :exec
-- PruneNotifications forgets notifications of half a year ago, and who read them.
delete from notifications where created_at < now() - interval '180 days';

-- name: PruneFirings :exec
delete from alert_firings where resolved_at < now() - interval '400 days';

-- name: PruneAnomaliesTold :exec
-- PruneAnomaliesTold forgets what is too old to be told again.
delete from anomalies_told where told_at < now() - interval '30 days';
