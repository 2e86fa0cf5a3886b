-- Gaps of the service that are closed in Postgres: who is erased hears of it, and time zones are looked up fast.

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
