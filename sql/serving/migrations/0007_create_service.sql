-- What the whole service stands on: who a request acts for and as what, events for listeners, mail to send.

-- +goose Up

-- A request acts for the user in its settings; behind Supabase's gateway, for the one in the claims of the
-- verified token.
-- +goose StatementBegin
create or replace function request_user() returns uuid
language sql stable parallel safe
as $$
  select coalesce(setting_id('app.user_id'), (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function request_business() returns uuid
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select business_id from public.memberships
  where user_id = public.request_user()
    and business_id = coalesce(public.setting_id('app.business_id'),
      (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'business_id')::uuid)
$$;
-- +goose StatementEnd

-- request_may tells whether the request's user is in the request's business what lowest names, or more.
-- +goose StatementBegin
create function request_may(lowest text) returns boolean
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select exists (
    select 1 from public.memberships
    where business_id = public.request_business() and user_id = public.request_user()
      and array_position('{viewer,analyst,admin,owner}', role) >= array_position('{viewer,analyst,admin,owner}', lowest))
$$;
-- +goose StatementEnd
grant execute on function request_may(text) to signalcraft_api;

-- protect_writes lets the API role change a tenant table's rows only for members who are at least what lowest names.
-- It narrows what the tenant policy allows.
-- +goose StatementBegin
create procedure protect_writes(target regclass, lowest text)
language plpgsql
as $$
begin
  execute format('create policy adding on %s as restrictive for insert to signalcraft_api with check ((select request_may(%L)))', target, lowest);
  execute format('create policy changing on %s as restrictive for update to signalcraft_api using ((select request_may(%L)))', target, lowest);
  execute format('create policy removing on %s as restrictive for delete to signalcraft_api using ((select request_may(%L)))', target, lowest);
end $$;
-- +goose StatementEnd
revoke execute on procedure protect_writes(regclass, text) from public;
call protect_writes('kpi_sources', 'analyst');
call protect_writes('kpis', 'analyst');
call protect_writes('alerts', 'analyst');

-- request_home returns the business of the row with an id in a table of tenants, provided that the request's user
-- is a member of it. Ids are unique over all businesses in practice: they are random, or of version 7.
-- +goose StatementBegin
create function request_home(noun text, row_id uuid) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  home uuid;
begin
  if noun not in ('kpi_sources', 'kpis', 'alerts', 'uploads') then
    raise exception 'request_home knows no %', noun;
  end if;
  execute format('select t.business_id from public.%I as t join public.memberships as m on m.business_id = t.business_id where t.id = $1 and m.user_id = public.request_user()', noun)
    into home using row_id;
  return home;
end $$;
-- +goose StatementEnd
grant execute on function request_home(text, uuid) to signalcraft_api;
create index kpi_sources_id_idx on kpi_sources (id);
create index kpis_id_idx on kpis (id);
create index alerts_id_idx on alerts (id);

-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on kpi_sources for select to %I using (true)', current_user);
  execute format('create policy owner on kpis for select to %I using (true)', current_user);
  execute format('create policy owner on alerts for select to %I using (true)', current_user);
end $$;
-- +goose StatementEnd

-- What listeners are told, kept for a while so that one who lost the connection can catch up.
create table events (
  id          bigint generated always as identity primary key,
  business_id uuid references businesses on delete cascade, -- null: of the user alone
  user_id     uuid references users on delete cascade,      -- null: for every member of the business
  kind        text not null check (kind <> ''),             -- run.finished, anomaly.detected, alert.fired, upload.progress, ...
  payload     jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  at          timestamptz not null default now(),
  check (business_id is not null or user_id is not null)
);
create index events_business_idx on events (business_id, id);
create index events_user_idx on events (user_id, id);
call protect_table('events', 'select, insert, delete');
grant select, insert on events to signalcraft_api;
create policy listening on events for select to signalcraft_api
  using ((user_id is null or user_id = (select request_user()))
    and (business_id is null or business_id in (select m.business_id from memberships m where m.user_id = (select request_user()))));
create policy telling on events for insert to signalcraft_api
  with check (business_id = (select request_business()) or (business_id is null and user_id = (select request_user())));

-- A listener process hears of each event when its transaction commits: the id, whom it is for, and its kind.
-- +goose StatementBegin
create function announce_event() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('signalcraft_events', json_build_object('id', new.id, 'business_id', new.business_id, 'user_id', new.user_id, 'kind', new.kind)::text);
  return null;
end $$;
-- +goose StatementEnd
create trigger events_announced after insert on events for each row execute function announce_event();

-- Mail waits here from the transaction that caused it until it is handed to the mail server.
create table mails (
  id         uuid primary key,
  user_id    uuid references users on delete cascade, -- null: to somebody without an account
  recipient  text not null check (recipient <> ''),
  kind       text not null check (kind <> ''),        -- verify_email, reset_password, invitation, ...
  subject    text not null,
  body       text not null,                           -- plain text; may hold a secret, so it goes when it is sent
  created_at timestamptz not null default now(),
  next_at    timestamptz not null default now(),
  attempts   integer not null default 0,
  problem    text
);
create index mails_next_idx on mails (next_at);
create index mails_user_idx on mails (user_id);
call protect_table('mails', 'select, insert, update, delete');
grant insert on mails to signalcraft_api; -- it queues mail and reads none
create policy queueing on mails for insert to signalcraft_api with check (true);
