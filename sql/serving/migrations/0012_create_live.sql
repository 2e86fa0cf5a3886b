-- Alerts that fired, who read what, what changed since listeners were told last, and events in the order of commits.

-- +goose Up
alter table alerts
  add column rule integer not null default 1,    -- grows when what is watched changes: another rule fires anew
  add column version integer not null default 1, -- grows with every change
  add constraint alerts_channels_check check (channels <@ '{in_app,email}'::text[] and cardinality(channels) between 1 and 2);

-- A rule fires for a KPI when it begins to hold, stays open while it holds, and is resolved when it no longer does.
-- It fires once for a day, however often that day's value is corrected.
create table alert_firings (
  business_id uuid not null,
  alert_id    uuid not null,
  kpi_id      uuid not null,
  day         date not null,             -- local day of the business that the rule was judged by
  rule        integer not null,          -- the alert's when it fired
  value       double precision,          -- what was compared with the threshold; null for missing
  fired_at    timestamptz not null,
  run_id      uuid not null,
  resolved_at timestamptz,               -- null: it still holds
  primary key (business_id, alert_id, kpi_id, day, rule),
  foreign key (business_id, alert_id) references alerts (business_id, id) on delete cascade,
  foreign key (business_id, kpi_id) references kpis (business_id, id) on delete cascade
);
create index alert_firings_kpi_idx on alert_firings (business_id, kpi_id);
create unique index alert_firings_open_idx on alert_firings (business_id, alert_id, kpi_id, rule) where resolved_at is null;
call protect_tenant_table('alert_firings', 'select', 'select, insert, update, delete');

-- Anomalies of which listeners heard, so that they hear of each once.
create table anomalies_told (
  business_id uuid not null references businesses on delete cascade,
  kpi_id      uuid not null,
  grain       text not null,
  starts_at   timestamptz not null,
  told_at     timestamptz not null,
  primary key (business_id, kpi_id, grain, starts_at)
);
create index anomalies_told_at_idx on anomalies_told (told_at);
call protect_tenant_table('anomalies_told', 'select', 'select, insert, delete');

-- Businesses whose published numbers changed and whose listeners have not heard of it: publishing adds them in the
-- transaction that changes the numbers, telling removes them in the one that tells.
create table serving.changes (
  business_id uuid not null,
  table_name  text not null,
  run_id      uuid not null,
  as_of       timestamptz not null,
  primary key (business_id, table_name)
);
call protect_tenant_table('serving.changes', 'select', 'select, insert, update, delete');

-- A notification may be for every member; who read it is kept apart. Of notifications only new ones are written.
alter table notifications drop column read_at;
drop policy tenant on notifications;
revoke update, delete on notifications from signalcraft_api;
grant delete on notifications to signalcraft_batch;
create policy reading on notifications for select to signalcraft_api
  using ((user_id is null or user_id = (select request_user()))
    and business_id in (select m.business_id from memberships m where m.user_id = (select request_user())));
create policy telling on notifications for insert to signalcraft_api
  with check (business_id = (select request_business())
    or (user_id = (select request_user()) and business_id in (select m.business_id from memberships m where m.user_id = (select request_user()))));
create index notifications_created_idx on notifications (created_at);

create table notification_reads (
  business_id     uuid not null,
  notification_id uuid not null,
  user_id         uuid not null references users on delete cascade,
  read_at         timestamptz not null,
  primary key (business_id, notification_id, user_id),
  foreign key (business_id, notification_id) references notifications (business_id, id) on delete cascade
);
create index notification_reads_user_idx on notification_reads (user_id);
call protect_table('notification_reads', 'select, insert');
grant select, insert on notification_reads to signalcraft_api;
create policy own on notification_reads to signalcraft_api
  using (user_id = (select request_user()) and business_id in (select m.business_id from memberships m where m.user_id = (select request_user())))
  with check (user_id = (select request_user()) and business_id in (select m.business_id from memberships m where m.user_id = (select request_user())));

-- A listener who comes back asks for what came after the last event it saw. That is right only if ids are
-- given in the order in which events become visible; a sequence gives them in the order in which transactions ask, and one
-- that asked first may commit last. So an event gets its final id, and is announced, when its transaction
-- commits, under a lock that lasts as long as the commit.
drop trigger events_announced on events;
-- +goose StatementBegin
create or replace function announce_event() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  final bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('signalcraft.events', 0));
  update public.events set id = default where id = new.id returning id into final;
  if final is not null then -- else the transaction took it back
    perform pg_notify('signalcraft_events', json_build_object('id', final, 'business_id', new.business_id, 'user_id', new.user_id, 'kind', new.kind)::text);
  end if;
  return null;
end $$;
-- +goose StatementEnd
create constraint trigger events_announced after insert on events
  deferrable initially deferred for each row execute function announce_event();
create index events_at_idx on events (at);

-- event_heads returns of the events after one, by id, what every listening process is told of them anyway, whom each
-- is for and its kind, and no payload. A process that lost its connection learns from it what it missed.
-- +goose StatementBegin
create function event_heads(after bigint, most integer) returns setof events
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$ select id, business_id, user_id, kind, '{}'::jsonb, at from public.events where id > after order by id limit most $$;
-- +goose StatementEnd

-- event_position returns the id of the newest event, 0 when there is none.
-- +goose StatementBegin
create function event_position() returns bigint
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$ select coalesce(max(id), 0) from public.events $$;
-- +goose StatementEnd
grant execute on function event_heads(bigint, integer), event_position() to signalcraft_api;

-- Whoever saw nothing after pruned_to may have missed events that are gone.
create table event_tail (
  only_row  boolean primary key default true check (only_row),
  pruned_to bigint not null
);
insert into event_tail (pruned_to) values (0);
call protect_table('event_tail', 'select, update');
grant select on event_tail to signalcraft_api;
create policy service on event_tail for select to signalcraft_api using (true);

-- The functions above run as the owner, who may be no superuser.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on events to %I using (true) with check (true)', current_user);
end $$;
-- +goose StatementEnd
