-- Accounts, tenants, and who belongs to which.

-- +goose Up
create table users (
  id                uuid primary key,
  email             text not null,
  password_hash     text not null,
  full_name         text not null default '',
  phone             text,
  is_active         boolean not null default true,
  is_operator       boolean not null default false, -- may administer the installation
  email_verified_at timestamptz,
  last_login_at     timestamptz,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  check (length(email) between 3 and 320 and email like '%_@_%' and email !~ '[[:space:]]')
);
create unique index users_email_key on users (lower(email));

create table user_sessions (
  id                  uuid primary key,
  user_id             uuid not null references users on delete cascade,
  refresh_hash        bytea,            -- SHA-256 of the refresh token that is valid now; null: none was given
  created_at          timestamptz not null default now(),
  last_used_at        timestamptz not null default now(),
  expires_at          timestamptz not null, -- moves with use, up to ends_at
  ends_at             timestamptz not null, -- never moves
  ip                  inet,
  user_agent          text not null default '',
  revoked_at          timestamptz,
  revoked_reason      text
);
create index user_sessions_user_idx on user_sessions (user_id);

create table businesses (
  id                uuid primary key,
  name              text not null check (name <> ''),
  industry          text not null default '',
  time_zone         text not null,                        -- IANA name
  currency          text not null check (currency ~ '^[A-Z]{3}$'), -- ISO 4217
  country           text not null check (country ~ '^[A-Z]{2}$'),  -- ISO 3166-1 alpha-2
  place             text not null default '',             -- as its people wrote it
  place_id          bigint,                               -- GeoNames id
  latitude          double precision check (latitude between -90 and 90),
  longitude         double precision check (longitude between -180 and 180),
  news_query        text not null default '',             -- empty: no news
  subscription_tier text not null default 'free' check (subscription_tier in ('free', 'pro', 'enterprise')),
  settings          jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  created_by        uuid,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  check ((latitude is null) = (longitude is null))
);

-- A check constraint may not read a table, and the zones that a server knows change with its
-- updates: what is stored is checked when it is written only.
-- +goose StatementBegin
create function check_time_zone() returns trigger
language plpgsql
as $$
begin
  if not exists (select 1 from pg_catalog.pg_timezone_names where name = new.time_zone) or new.time_zone ~ '^(posix/|right/|localtime$|posixrules$|Factory$)' then
    raise exception 'time zone "%" is not an IANA name', new.time_zone
      using errcode = 'check_violation', column = 'time_zone', table = tg_table_name, constraint = tg_table_name || '_time_zone_check';
  end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger businesses_time_zone_inserted before insert on businesses
  for each row execute function check_time_zone();
create trigger businesses_time_zone_changed before update of time_zone on businesses
  for each row when (new.time_zone is distinct from old.time_zone) execute function check_time_zone();

create table memberships (
  business_id uuid not null references businesses on delete cascade,
  user_id     uuid not null references users on delete cascade,
  role        text not null check (role in ('owner', 'admin', 'analyst', 'viewer')),
  created_at  timestamptz not null default now(),
  primary key (business_id, user_id)
);
create index memberships_user_idx on memberships (user_id, business_id);

-- request_business returns the business that the current transaction acts in, provided that its
-- user is a member of it, else null. Every tenant policy rests on it. It runs as the tables' owner,
-- since the policies of memberships themselves need it.
-- +goose StatementBegin
create function request_business() returns uuid
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select business_id from public.memberships
  where business_id = public.setting_id('app.business_id') and user_id = public.setting_id('app.user_id')
$$;
-- +goose StatementEnd

-- is_unclaimed tells whether the request's user made a business that nobody belongs to yet.
-- +goose StatementBegin
create function is_unclaimed(business uuid) returns boolean
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select exists (select 1 from public.businesses where id = business and created_by = public.request_user())
     and not exists (select 1 from public.memberships where business_id = business)
$$;
-- +goose StatementEnd

-- request_colleagues returns the users who belong to the business that the request acts in.
-- +goose StatementBegin
create function request_colleagues() returns setof uuid
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$ select user_id from public.memberships where business_id = public.request_business() $$;
-- +goose StatementEnd

grant execute on function request_business(), is_unclaimed(uuid), request_colleagues() to signalcraft_api;

-- Signing in precedes knowing who the user is: it may see the one account that bears the address in app.email.
call protect_table('users', 'insert, select (id, email, full_name, is_active)'); -- the batch writes to people, but sees no password hash
grant select, insert, update on users to signalcraft_api;
create policy self on users to signalcraft_api
  using (id = (select request_user()) or lower(email) = (select lower(nullif(current_setting('app.email', true), ''))))
  with check (id = (select request_user()) or lower(email) = (select lower(nullif(current_setting('app.email', true), ''))));
create policy colleagues on users for select to signalcraft_api
  using (id in (select request_colleagues()));

-- Refreshing precedes it as well: it may see the one session whose id the token names in app.session_id.
call protect_table('user_sessions', '');
grant select, insert, update, delete on user_sessions to signalcraft_api;
create policy self on user_sessions to signalcraft_api
  using (user_id = (select request_user()) or id = (select setting_id('app.session_id')))
  with check (user_id = (select request_user()) or id = (select setting_id('app.session_id')));

call protect_table('businesses', 'select, insert, update');
grant select, insert, update, delete on businesses to signalcraft_api;
create policy members on businesses for select to signalcraft_api
  using (id in (select m.business_id from memberships m where m.user_id = (select request_user())) or (created_by = (select request_user()) and is_unclaimed(id))); -- a founder's, until its first membership
create policy founders on businesses for insert to signalcraft_api
  with check (created_by = (select request_user()));
create policy change on businesses for update to signalcraft_api
  using (id = (select request_business())) with check (id = (select request_business()));
create policy removal on businesses for delete to signalcraft_api
  using (id = (select request_business()));

call protect_table('memberships', 'select, insert, update');
grant select, insert, update, delete on memberships to signalcraft_api;
create policy own on memberships for select to signalcraft_api
  using (user_id = (select request_user()));
create policy tenant on memberships to signalcraft_api
  using (business_id = (select request_business())) with check (business_id = (select request_business()));
create policy founders on memberships for insert to signalcraft_api
  with check (user_id = (select request_user()) and role = 'owner' and is_unclaimed(business_id));

-- The functions above run as the owner, who may be no superuser, and must see the rows.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on memberships for select to %I using (true)', current_user);
  execute format('create policy owner on businesses for select to %I using (true)', current_user);
end $$;
-- +goose StatementEnd

-- Keys that sign access tokens.
create table signing_keys (
  id          text primary key,           -- the "kid" of a token's header
  algorithm   text not null check (algorithm in ('EdDSA', 'ES256')),
  public_key  bytea not null,             -- PKIX, DER
  private_key bytea not null,             -- PKCS #8, DER
  created_at  timestamptz not null default now(),
  retired_at  timestamptz                 -- signs no more; still verifies
);
call protect_table('signing_keys', '');
grant select, insert, update on signing_keys to signalcraft_api;
create policy service on signing_keys to signalcraft_api using (true) with check (true);
