-- Gaps of the service that are closed in Postgres: who is erased hears of it, operators alone do what is theirs, time zones are looked
-- up fast, holidays are known ahead, and freshness follows the last whole run.

-- +goose Up

-- What listeners are told of an account that is erased must outlive the account for as long as events are kept; all other events
-- for that account go with it. Dropping the key locks both tables for an instant.
alter table events drop constraint events_user_id_fkey;

-- end_account removes what was told to an account that is erased, whoever erases it, and tells its listeners.
-- +goose StatementBegin
create function end_account() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  delete from public.events where user_id = old.id;
  insert into public.events (user_id, kind, at) values (old.id, 'account.ended', clock_timestamp());
  return null;
end $$;
-- +goose StatementEnd
create trigger users_ended after delete on users for each row execute function end_account();

-- Through the API only operators verify the audit log and replace the key that signs. The first key is made before anybody is one.
revoke execute on function verify_audit(), audit_state() from signalcraft_api;
-- +goose StatementBegin
create function require_operator() returns void
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
  if not public.request_operator() then
    raise exception 'only an operator may do this' using errcode = 'insufficient_privilege';
  end if;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function operator_verify_audit() returns table (chain text, seq bigint, id bigint, fault text)
language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  perform public.require_operator();
  return query select f.chain, f.seq, f.id, f.fault from public.verify_audit() as f;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function operator_audit_state() returns table (entries bigint, chains bigint, erased bigint, digest text)
language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  perform public.require_operator();
  return query select s.entries, s.chains, s.erased, s.digest from public.audit_state() as s;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function guard_signing_keys() returns trigger
language plpgsql
as $$
begin
  if current_user <> 'signalcraft_api' then
    return new;
  end if;
  if tg_op = 'INSERT' and exists (select 1 from public.signing_keys where retired_at is null)
    or tg_op = 'UPDATE' and (new.retired_at, new.verifies_until) is distinct from (old.retired_at, old.verifies_until) then
    perform public.require_operator();
  end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger signing_keys_guarded before insert or update on signing_keys for each row execute function guard_signing_keys();
grant execute on function require_operator(), operator_verify_audit(), operator_audit_state() to signalcraft_api;

-- pg_timezone_names reads hundreds of files each time it is asked. The zones that the server knew when this ran are kept; one that
-- is not among them is asked of the server as before.
create table time_zones (
  name text primary key
);
insert into time_zones (name)
select name from pg_catalog.pg_timezone_names where name !~ '^(posix/|right/|localtime$|posixrules$|Factory$)';
call protect_table('time_zones', 'select');
grant select on time_zones to signalcraft_api;
create policy service on time_zones for select to signalcraft_api using (true);

-- +goose StatementBegin
create or replace function check_time_zone() returns trigger
language plpgsql
as $$
begin
  if exists (select 1 from public.time_zones where name = new.time_zone) then
    perform clock_timestamp() at time zone new.time_zone; -- fails when the server has forgotten it since
  elsif new.time_zone ~ '^(posix/|right/|localtime$|posixrules$|Factory$)' or not exists (select 1 from pg_catalog.pg_timezone_names where name = new.time_zone) then
    raise exception 'time zone "%" is not an IANA name', new.time_zone
      using errcode = 'check_violation', column = 'time_zone', table = tg_table_name, constraint = tg_table_name || '_time_zone_check';
  end if;
  return new;
end $$;
-- +goose StatementEnd

-- The public holidays of the businesses' countries, also of days that no KPI has a point on yet. They belong to nobody.
create table serving.calendar_holidays (
  country text not null,                   -- ISO 3166-1 alpha-2
  day     date not null,
  name    text not null,
  primary key (country, day, name)
);
call protect_table('serving.calendar_holidays', 'select, insert, update, delete');
grant select on serving.calendar_holidays to signalcraft_api;
create policy everyone on serving.calendar_holidays for select to signalcraft_api using (true);
drop index serving.business_days_holiday_idx; -- dashboards read the table above

-- A table whose mart did not change keeps the run that published it. That its numbers were looked at since, and found as they are, is
-- what a nightly run tells that succeeded in all its parts: it asked every source, computed every model and published every
-- table. It writes nothing more for that.
create index runs_checked_idx on runs (as_of) where job = 'nightly' and status = 'succeeded';
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on runs for select to %I using (true)', current_user);
end $$;
-- +goose StatementEnd
drop function dashboard_state(text[], timestamptz);
-- +goose StatementBegin
create function dashboard_state(tables text[], at timestamptz)
returns table (role text, name text, time_zone text, currency text, subscription_tier text, revision bigint, today date,
  table_names text[], run_ids uuid[], as_ofs timestamptz[], published_ats timestamptz[], snapshots bigint[], local_days date[], checked_at timestamptz)
language plpgsql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select
    m.role,
    b.name,
    b.time_zone,
    b.currency,
    b.subscription_tier,
    b.revision,
    (at at time zone b.time_zone)::date,
    p.table_names,
    p.run_ids,
    p.as_ofs,
    p.published_ats,
    p.snapshots,
    p.local_days,
    coalesce((select max(r.as_of) from public.runs as r where r.job = 'nightly' and r.status = 'succeeded'), 'epoch')
  from public.memberships as m
  inner join public.businesses as b on b.id = m.business_id
  cross join lateral (
    select
      coalesce(array_agg(publications.table_name), '{}') as table_names,
      coalesce(array_agg(coalesce(publications.run_id, '00000000-0000-0000-0000-000000000000')), '{}') as run_ids,
      coalesce(array_agg(publications.as_of), '{}') as as_ofs,
      coalesce(array_agg(publications.published_at), '{}') as published_ats,
      coalesce(array_agg(publications.snapshot), '{}') as snapshots,
      coalesce(array_agg((publications.as_of at time zone b.time_zone)::date), '{}') as local_days
    from serving.publications
    where publications.table_name = any (tables)
      and publications.published_at is not null
      and publications.as_of is not null
  ) as p
  where m.user_id = public.request_user()
    and m.business_id = coalesce(public.setting_id('app.business_id'),
      (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'business_id')::uuid);
end $$;
-- +goose StatementEnd
revoke execute on function dashboard_state(text[], timestamptz) from public;
grant execute on function dashboard_state(text[], timestamptz) to signalcraft_api;
