-- What proves that a person holds an address, how people are addressed, and mail on its way out.

-- +goose Up
alter table users
  add column locale text not null default 'en' check (locale ~ '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$'), -- BCP 47
  add column time_zone text not null default 'UTC', -- IANA name
  add column terms_accepted_at timestamptz,
  add column password_changed_at timestamptz; -- null: not since the account was made
grant select (locale, time_zone, password_changed_at), insert (terms_accepted_at),
  update (locale, time_zone, terms_accepted_at, password_changed_at) on users to signalcraft_api;
-- That an address is somebody's is noted by prove_address alone.
revoke update (email_verified_at) on users from signalcraft_api;
create trigger users_time_zone_inserted before insert on users
  for each row when (new.time_zone <> 'UTC') execute function check_time_zone();
create trigger users_time_zone_changed before update of time_zone on users
  for each row when (new.time_zone is distinct from old.time_zone) execute function check_time_zone();

-- Tokens that go out by mail. A row outlives its token for a while: how many went out lately is counted by them.
create table account_tokens (
  id          uuid primary key,
  user_id     uuid not null references users on delete cascade,
  purpose     text not null check (purpose in ('verify_email', 'change_email', 'reset_password', 'notice')),
  token_hash  bytea unique check (octet_length(token_hash) = 32), -- SHA-256
  email       text not null,        -- the address that it proves
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  used_at     timestamptz,
  replaced_at timestamptz,          -- a newer one took its place, or what it was for is over
  check ((purpose = 'notice') = (token_hash is null)) -- a notice only tells, it opens nothing
);
create index account_tokens_user_idx on account_tokens (user_id, purpose, created_at);
create index account_tokens_expires_idx on account_tokens (expires_at);
call protect_table('account_tokens', 'select (expires_at), delete');
grant select, insert, update on account_tokens to signalcraft_api;
-- Who shows a token is not signed in: that transaction may see the one row whose hash is in app.token_hash.
create policy own on account_tokens to signalcraft_api
  using (user_id = (select request_user())
    or token_hash = (select decode(nullif(current_setting('app.token_hash', true), ''), 'hex')))
  with check (user_id = (select request_user()));

-- remove_unverified_accounts removes accounts of which nobody has proved the address, or asked for a mail to do so, since an
-- instant. They have never been signed in to, so nothing hangs on them.
-- +goose StatementBegin
create function remove_unverified_accounts(idle_since timestamptz) returns bigint
language sql security definer
set search_path = pg_catalog, public, pg_temp
as $$
  with removed as (
    delete from public.users as u
    where u.email_verified_at is null and u.created_at < idle_since and u.last_login_at is null
      and not exists (select 1 from public.account_tokens as t where t.user_id = u.id and t.created_at >= idle_since)
      and not exists (select 1 from public.memberships as m where m.user_id = u.id)
    returning 1)
  select count(*) from removed
$$;
-- +goose StatementEnd
grant execute on function remove_unverified_accounts(timestamptz) to signalcraft_batch;

-- prove_address gives an address to the request's user, who used a token that went to it in this very transaction. An account that
-- bears the address without ever having proved it goes: it must not keep the address from its owner. False: there was no such token.
-- +goose StatementBegin
create function prove_address(address text, proved_at timestamptz) returns boolean
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  account constant uuid := public.request_user();
begin
  if not exists (select 1 from public.account_tokens as t
    where t.user_id = account and t.email = address and t.used_at is not null and t.xmin = pg_current_xact_id()::xid) then
    return false;
  end if;
  delete from public.users as u where lower(u.email) = lower(address) and u.email_verified_at is null and u.id <> account;
  update public.users as u
  set
    email_verified_at = case when u.email = address then coalesce(u.email_verified_at, proved_at) else proved_at end,
    email = address,
    updated_at = proved_at
  where u.id = account;
  return found;
end $$;
-- +goose StatementEnd
grant execute on function prove_address(text, timestamptz) to signalcraft_api;
create index users_unverified_idx on users (created_at) where email_verified_at is null;
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner_proves on users for update to %I using (id = (select request_user()))', current_user);
  execute format('create policy owner_removes on users for delete to %I using (email_verified_at is null)', current_user);
  execute format('create policy owner on account_tokens for select to %I using (true)', current_user);
end $$;
-- +goose StatementEnd

-- A mail is due at once. A sender that takes it moves next_at ahead for as long as it may need, so that
-- another takes over should it die.
alter table mails
  alter column next_at set default '-infinity',
  add column sent_at timestamptz,   -- the body is empty from then on
  add column failed_at timestamptz; -- given up, likewise
drop index mails_next_idx;
create index mails_next_idx on mails (next_at) where sent_at is null and failed_at is null;

-- Senders hear of new mail when its transaction commits.
-- +goose StatementBegin
create function announce_mail() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('signalcraft_mails', '');
  return null;
end $$;
-- +goose StatementEnd
create trigger mails_announced after insert on mails for each statement execute function announce_mail();
