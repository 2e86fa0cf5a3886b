-- Credentials: sessions that are refreshed and end, second factors, API keys; and who may see and change
-- what of an account.

-- +goose Up

-- The tables below are small when this runs: accounts by the thousand, sessions by the ten thousand. Adding a column
-- with a constant default rewrites nothing and locks for milliseconds.
alter table user_sessions
  add column refresh_secret     text,                                -- sealed; every refresh token of the session is derived from it. null: it has none
  add column refresh_generation integer not null default 0,          -- of the refresh token that is valid now
  add column refreshed_at       timestamptz,                         -- when that one replaced its parent
  add column proved_at          timestamptz not null default now(),  -- when the user last proved who they are
  add column second_factor      boolean not null default false;      -- whether a second factor was part of a proof

-- Ended sessions tell of devices that are known; nobody asks for them by any other order.
create index user_sessions_live_idx on user_sessions (user_id, last_used_at desc, id) where revoked_at is null;

alter table signing_keys
  add column verifies_until timestamptz; -- from then on the key is not accepted; null: no end is set

-- A user's second factor: a secret shared with an authenticator program (RFC 6238).
create table mfa_factors (
  user_id       uuid primary key references users on delete cascade,
  secret        text not null,                 -- sealed
  created_at    timestamptz not null default now(),
  confirmed_at  timestamptz,                   -- null: shown, but no code of it was seen yet
  last_step     bigint not null default 0,     -- the newest time step of which a code was accepted: older ones are spent
  failures      integer not null default 0,    -- wrong codes since the last right one
  failed_at     timestamptz                    -- when the last of them was
);
call protect_table('mfa_factors', '');
grant select, insert, update, delete on mfa_factors to signalcraft_api;
create policy own on mfa_factors to signalcraft_api
  using (user_id = (select request_user())) with check (user_id = (select request_user()));

-- Codes for the day when the authenticator is lost. Each has 120 random bits, so its plain hash gives nothing away; one that was used is gone.
create table recovery_codes (
  user_id    uuid not null references users on delete cascade,
  code_hash  bytea not null,                   -- SHA-256
  created_at timestamptz not null default now(),
  primary key (user_id, code_hash)
);
call protect_table('recovery_codes', '');
grant select, insert, delete on recovery_codes to signalcraft_api;
create policy own on recovery_codes to signalcraft_api
  using (user_id = (select request_user())) with check (user_id = (select request_user()));

-- Keys for programs. A key acts for whoever made it, in one business, and goes with the membership.
create table api_keys (
  business_id  uuid not null,
  id           uuid not null,
  user_id      uuid not null references users on delete cascade,
  name         text not null check (name <> ''),
  secret_hash  bytea not null,                 -- SHA-256 of the whole key
  scopes       text[] not null check (scopes <@ '{read,write,sources}' and cardinality(scopes) between 1 and 3),
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null check (expires_at <= created_at + interval '366 days'),
  last_used_at timestamptz,                    -- to the minute
  primary key (business_id, id),
  foreign key (business_id, user_id) references memberships (business_id, user_id) on delete cascade
);
create index api_keys_id_idx on api_keys (id);
create index api_keys_user_idx on api_keys (user_id, created_at desc);
create index api_keys_membership_idx on api_keys (business_id, user_id);
call protect_table('api_keys', 'select, delete');
grant select, insert, delete, update (last_used_at) on api_keys to signalcraft_api;
-- Who shows a key is not known before it is read: it may see the one key that it names in app.key_id.
create policy own on api_keys for select to signalcraft_api
  using (user_id = (select request_user()) or id = (select setting_id('app.key_id')));
create policy making on api_keys for insert to signalcraft_api
  with check (user_id = (select request_user()) and business_id = (select request_business())
    and (select request_may('viewer'))
    and (not scopes && '{write}' or (select request_may('analyst')))
    and (not scopes && '{sources}' or (select request_may('admin'))));
create policy using_up on api_keys for update to signalcraft_api
  using (user_id = (select request_user())) with check (user_id = (select request_user()));
create policy removal on api_keys for delete to signalcraft_api
  using (user_id = (select request_user()));

-- Accounts. Colleagues may see each other's rows, so what they must not see is not granted to anybody: the hash of a
-- password is read through password_of. Nobody but the owner of the database changes who operates it, which account is
-- switched on, or whose an address is; where the service does, a function with the owner's rights checks that it may.
revoke select, insert, update on users from signalcraft_api;
grant select (id, email, full_name, phone, is_active, is_operator, email_verified_at, last_login_at, created_at, updated_at) on users to signalcraft_api;
grant insert (id, email, password_hash, full_name, phone, created_at, updated_at) on users to signalcraft_api;
grant update (password_hash, full_name, phone, email_verified_at, last_login_at, updated_at) on users to signalcraft_api;
drop policy self on users;
create policy self on users for select to signalcraft_api
  using (id = (select request_user()) or lower(email) = (select lower(nullif(current_setting('app.email', true), ''))));
create policy registering on users for insert to signalcraft_api
  with check (id = (select request_user()) or lower(email) = (select lower(nullif(current_setting('app.email', true), ''))));
create policy self_change on users for update to signalcraft_api
  using (id = (select request_user()) or lower(email) = (select lower(nullif(current_setting('app.email', true), ''))))
  with check (id = (select request_user()) or lower(email) = (select lower(nullif(current_setting('app.email', true), ''))));

-- is_signing_in tells whether a user is the one that the request acts for, or bears the address with which somebody signs in.
-- +goose StatementBegin
create function is_signing_in(account uuid) returns boolean
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select exists (select 1 from public.users where id = account
    and (id = public.request_user() or lower(email) = lower(nullif(current_setting('app.email', true), ''))))
$$;
-- +goose StatementEnd

-- password_of returns the hash of the password of whoever is signing in.
-- +goose StatementBegin
create function password_of(account uuid) returns text
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$ select password_hash from public.users where id = account and public.is_signing_in(account) $$;
-- +goose StatementEnd

-- has_second_factor tells whether whoever is signing in has a second factor.
-- +goose StatementBegin
create function has_second_factor(account uuid) returns boolean
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select exists (select 1 from public.mfa_factors where user_id = account and confirmed_at is not null)
     and public.is_signing_in(account)
$$;
-- +goose StatementEnd
grant execute on function is_signing_in(uuid), password_of(uuid), has_second_factor(uuid) to signalcraft_api;

-- Sessions. The id in a refresh token opens the one session that it names, to be refreshed or ended; it starts none.
revoke insert, update, delete on user_sessions from signalcraft_api;
grant insert on user_sessions to signalcraft_api;
grant update (refresh_hash, refresh_secret, refresh_generation, refreshed_at, last_used_at, expires_at, proved_at, second_factor, revoked_at, revoked_reason)
  on user_sessions to signalcraft_api;
drop policy self on user_sessions;
create policy self on user_sessions for select to signalcraft_api
  using (user_id = (select request_user()) or id = (select setting_id('app.session_id')));
create policy starting on user_sessions for insert to signalcraft_api
  with check (user_id = (select request_user()));
create policy using_up on user_sessions for update to signalcraft_api
  using (user_id = (select request_user()) or id = (select setting_id('app.session_id')))
  with check (user_id = (select request_user()) or id = (select setting_id('app.session_id')));
-- The batch forgets sessions that ended long ago.
grant select (id, ends_at, revoked_at), delete on user_sessions to signalcraft_batch;
create policy batch on user_sessions to signalcraft_batch using (true) with check (true);

-- The functions above run as the owner, who may be no superuser, and must see the rows.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on users for select to %I using (true)', current_user);
  execute format('create policy owner on mfa_factors for select to %I using (true)', current_user);
end $$;
-- +goose StatementEnd
