-- Rules that watch KPIs, what people are told, and the trail of what was done.

-- +goose Up
create table alerts (
  business_id   uuid not null references businesses on delete cascade,
  id            uuid not null,
  kpi_id        uuid,                      -- null: every KPI of the business
  name          text not null check (name <> ''),
  condition     text not null check (condition in ('above', 'below', 'change_above', 'change_below', 'anomaly', 'forecast_above', 'forecast_below', 'missing')),
  threshold     double precision,          -- in the KPI's unit; a fraction for changes; unused by anomaly and missing
  window_days   integer not null default 1 check (window_days between 1 and 366),
  severity      text not null default 'warning' check (severity in ('info', 'warning', 'critical')),
  channels      text[] not null default '{in_app}',
  is_active     boolean not null default true,
  last_fired_at timestamptz,
  created_by    uuid references users on delete set null,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  primary key (business_id, id),
  foreign key (business_id, kpi_id) references kpis (business_id, id) on delete cascade,
  check (threshold is not null or condition in ('anomaly', 'missing'))
);
create index alerts_kpi_idx on alerts (business_id, kpi_id);
create index alerts_created_by_idx on alerts (created_by);
call protect_tenant_table('alerts', 'select, insert, update, delete', 'select, update');

create table notifications (
  business_id uuid not null references businesses on delete cascade,
  id          uuid not null,
  user_id     uuid references users on delete cascade, -- null: for every member
  alert_id    uuid,
  kind        text not null,
  severity    text not null default 'info' check (severity in ('info', 'warning', 'critical')),
  title       text not null,
  body        text not null default '',
  data        jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
  read_at     timestamptz,
  created_at  timestamptz not null default now(),
  primary key (business_id, id),
  foreign key (business_id, alert_id) references alerts (business_id, id) on delete set null (alert_id)
);
create index notifications_user_idx on notifications (user_id, created_at desc);
create index notifications_business_idx on notifications (business_id, created_at desc);
create index notifications_alert_idx on notifications (business_id, alert_id);
call protect_table('notifications', 'select, insert');
grant select, insert, update, delete on notifications to signalcraft_api;
-- A user reads what is meant for them in every business they still belong to, and what is meant for all in the request's business.
create policy tenant on notifications to signalcraft_api
  using (
    (user_id = (select request_user()) and business_id in (select m.business_id from memberships m where m.user_id = (select request_user())))
    or (user_id is null and business_id = (select request_business())))
  with check (business_id = (select request_business())
    or (user_id = (select request_user()) and business_id in (select m.business_id from memberships m where m.user_id = (select request_user()))));

-- The trail outlives what it tells of, so it references nothing.
create table audit_log (
  id          bigint generated always as identity primary key,
  at          timestamptz not null default now(),
  business_id uuid,
  user_id     uuid,
  session_id  uuid,
  action      text not null check (action <> ''),
  subject     text not null default '',
  outcome     text not null default 'done' check (outcome in ('done', 'denied', 'failed')),
  ip          inet,
  user_agent  text not null default '',
  request_id  text not null default '',
  details     jsonb not null default '{}' check (jsonb_typeof(details) = 'object')
);
create index audit_log_business_idx on audit_log (business_id, at);
create index audit_log_user_idx on audit_log (user_id, at);
call protect_table('audit_log', 'insert');
grant insert on audit_log to signalcraft_api;
-- Attempts on businesses that the user does not belong to are logged too, hence no condition.
create policy append on audit_log for insert to signalcraft_api with check (true);

-- Not even the owner changes what was written.
-- +goose StatementBegin
create function refuse_change() returns trigger
language plpgsql
as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
-- +goose StatementEnd
create trigger audit_log_append_only before update or delete or truncate on audit_log
  for each statement execute function refuse_change();
