-- Tenants as people keep them: who may change whom, invitations, subscriptions, erasure, and what operators see. Whatever
-- the service decides about members is decided here once more, for the case that its code is wrong.

-- +goose Up

-- request_operator tells whether the transaction was opened for administration by an active operator.
-- +goose StatementBegin
create function request_operator() returns boolean
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select coalesce(current_setting('app.operator', true), '') = 'on'
     and exists (select 1 from public.users where id = public.request_user() and is_operator and is_active)
$$;
-- +goose StatementEnd

-- request_address returns the address of the request's user in small letters, provided that it is verified, else null.
-- +goose StatementBegin
create function request_address() returns text
language sql stable security definer parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
  select lower(email) from public.users
  where id = public.request_user() and is_active and email_verified_at is not null
$$;
-- +goose StatementEnd

-- role_rank returns 1 for viewer up to 4 for owner, null for what is no role.
-- +goose StatementBegin
create function role_rank(role text) returns integer
language sql immutable parallel safe
as $$ select array_position('{viewer,analyst,admin,owner}', role) $$;
-- +goose StatementEnd

grant execute on function request_operator(), role_rank(text) to signalcraft_api;
grant execute on function request_address(), role_rank(text), request_business(), request_may(text) to signalcraft_batch; -- which owns functions below

-- change_account switches an account on or off and names or dismisses an operator: what no column grant lets the API do. It
-- returns false when there is no such account.
-- +goose StatementBegin
create function change_account(account uuid, active boolean, operator boolean, at_instant timestamptz) returns boolean
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  if not public.request_operator() or account = public.request_user() then
    raise exception 'only another operator changes an account' using errcode = 'insufficient_privilege';
  end if;
  update public.users set is_active = active, is_operator = operator, updated_at = at_instant where id = account;
  return found;
end $$;
-- +goose StatementEnd
grant execute on function change_account(uuid, boolean, boolean, timestamptz) to signalcraft_api;

-- The functions run as the tables' owner, whom forced row-level security binds too.
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner_changes on users for update to %I using (true)', current_user);
  if not exists (select 1 from pg_policy where polrelid = 'public.users'::regclass and polname = 'owner') then
    execute format('create policy owner on users for select to %I using (true)', current_user);
  end if;
end $$;
-- +goose StatementEnd

create policy operators_read on users for select to signalcraft_api using ((select request_operator()));
grant delete on users to signalcraft_api; -- an account erases itself
create policy leaving on users for delete to signalcraft_api using (id = (select request_user()));
grant update (is_operator) on users to signalcraft_batch; -- the command line names the first operator

create policy operators_read on user_sessions for select to signalcraft_api using ((select request_operator()));
create policy operators_change on user_sessions for update to signalcraft_api using ((select request_operator()));
create policy operators on events for insert to signalcraft_api
  with check (business_id is null and user_id is not null and (select request_operator()));

-- Versions tell a writer that somebody else was faster.
alter table businesses add column version bigint not null default 1, add column settings_version bigint not null default 1;
alter table kpis add column version bigint not null default 1;

-- +goose StatementBegin
create function guard_business() returns trigger
language plpgsql
as $$
begin
  if current_user = 'signalcraft_api' and new.subscription_tier is distinct from old.subscription_tier and not public.request_may('owner') then
    raise exception 'only an owner changes the subscription' using errcode = 'insufficient_privilege';
  end if;
  if new.settings is distinct from old.settings then
    new.settings_version := old.settings_version + 1;
  end if;
  if to_jsonb(new) - '{settings,settings_version,version,revision,updated_at}'::text[] is distinct from to_jsonb(old) - '{settings,settings_version,version,revision,updated_at}'::text[] then
    new.version := old.version + 1;
  end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger businesses_versioned before update on businesses for each row execute function guard_business();

-- +goose StatementBegin
create function count_version() returns trigger
language plpgsql
as $$
begin
  new.version := old.version + 1;
  return new;
end $$;
-- +goose StatementEnd
create trigger kpis_versioned before update on kpis for each row execute function count_version();

-- The owner of the tables is a member of the role, so policies to the role hold for its functions too: these let them through.
create policy changing on businesses as restrictive for update to signalcraft_api
  using (current_user <> 'signalcraft_api' or (select request_may('admin')));
create policy removing on businesses as restrictive for delete to signalcraft_api
  using (current_user <> 'signalcraft_api' or (select request_may('owner')));

-- Who may change memberships: founders make their own, invitations make the others (accept_invitation); admins change and
-- remove whoever is no owner, owners everybody, and everybody may leave.
revoke update on memberships from signalcraft_api;
grant update (role) on memberships to signalcraft_api;
create policy adding on memberships as restrictive for insert to signalcraft_api
  with check (user_id = (select request_user()) and role = 'owner' and is_unclaimed(business_id));
create policy changing on memberships as restrictive for update to signalcraft_api
  using ((select request_may('owner')) or (role <> 'owner' and (select request_may('admin'))))
  with check ((select request_may('owner')) or (role <> 'owner' and (select request_may('admin'))));
create policy removing on memberships as restrictive for delete to signalcraft_api
  using (user_id = (select request_user()) or (select request_may('owner')) or (role <> 'owner' and (select request_may('admin'))));

-- A business keeps an owner who can act, whoever leaves, is removed or demoted, and also when two of them go at once: the
-- lock makes the second wait until the first has committed. With the business itself all its members go.
-- +goose StatementBegin
create function keep_an_owner() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('signalcraft.business.' || old.business_id, 0));
  if exists (select 1 from public.businesses where id = old.business_id) and not exists (
    select 1 from public.memberships as m join public.users as u on u.id = m.user_id
    where m.business_id = old.business_id and m.role = 'owner' and u.is_active)
  then
    raise exception 'business % would be left without an owner', old.business_id
      using errcode = 'check_violation', table = 'memberships', constraint = 'memberships_last_owner';
  end if;
  return null;
end $$;
-- +goose StatementEnd
create trigger memberships_owner_left after delete on memberships for each row
  when (old.role = 'owner') execute function keep_an_owner();
create trigger memberships_owner_demoted after update on memberships for each row
  when (old.role = 'owner' and new.role <> 'owner') execute function keep_an_owner();

-- Invitations to an address. Whoever has that address, verified, and the token from the mail joins.
create table invitations (
  business_id uuid not null references businesses on delete cascade,
  id          uuid not null,
  email       text not null check (length(email) between 3 and 320),
  role        text not null check (role in ('owner', 'admin', 'analyst', 'viewer')),
  token_hash  bytea not null,            -- SHA-256 of the token, which only the mail holds
  invited_by  uuid not null references users on delete cascade, -- an invitation stands as long as its inviter could make it
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  primary key (business_id, id)
);
create unique index invitations_email_key on invitations (business_id, lower(email));
create index invitations_token_idx on invitations (token_hash);
create index invitations_invited_by_idx on invitations (invited_by);
create index invitations_address_idx on invitations (lower(email));
call protect_tenant_table('invitations', 'select, insert, update, delete', 'select, delete');
call protect_writes('invitations', 'admin');
create policy reading on invitations as restrictive for select to signalcraft_api using ((select request_may('admin')));
create policy ranking_added on invitations as restrictive for insert to signalcraft_api
  with check (invited_by = (select request_user()) and request_may(role));
create policy ranking_changed on invitations as restrictive for update to signalcraft_api
  using (true) with check (invited_by = (select request_user()) and request_may(role));

-- accept_invitation makes the request's user a member by the invitation whose token has the hash, and uses that up. It
-- returns nothing when there is none for the user's verified address, when it expired, or when its inviter could not
-- make it any more. Whoever is a member already keeps the higher role.
-- +goose StatementBegin
create function accept_invitation(token bytea, at_instant timestamptz) returns table (business uuid, granted text)
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  used public.invitations;
begin
  delete from public.invitations as i
  where i.token_hash = token and i.expires_at > at_instant and lower(i.email) = public.request_address()
    and exists (
      select 1 from public.memberships as m
      where m.business_id = i.business_id and m.user_id = i.invited_by
        and public.role_rank(m.role) >= greatest(public.role_rank(i.role), public.role_rank('admin')))
  returning i.* into used;
  if used.id is null then
    return;
  end if;
  insert into public.memberships as m (business_id, user_id, role, created_at)
  values (used.business_id, public.request_user(), used.role, at_instant)
  on conflict (business_id, user_id) do update set role = excluded.role
    where public.role_rank(excluded.role) > public.role_rank(m.role);
  insert into public.events (business_id, user_id, kind, payload, at)
  values (used.business_id, public.request_user(), 'membership.changed', jsonb_build_object('role', used.role), at_instant);
  return query
    select m.business_id, m.role from public.memberships as m
    where m.business_id = used.business_id and m.user_id = public.request_user();
end $$;
-- +goose StatementEnd

-- Changes of the subscription: asked for first, done when the payment provider has agreed.
create table subscription_changes (
  business_id  uuid not null references businesses on delete cascade,
  id           uuid not null,
  from_tier    text not null check (from_tier in ('free', 'pro', 'enterprise')),
  to_tier      text not null check (to_tier in ('free', 'pro', 'enterprise')),
  status       text not null default 'pending' check (status in ('pending', 'done', 'refused')),
  provider     text not null check (provider <> ''),
  reference    text not null default '',  -- the provider's name for it
  requested_by uuid references users on delete set null,
  requested_at timestamptz not null,
  done_at      timestamptz,
  primary key (business_id, id),
  check ((status = 'pending') = (done_at is null))
);
create unique index subscription_changes_pending_key on subscription_changes (business_id) where status = 'pending';
create index subscription_changes_requested_by_idx on subscription_changes (requested_by);
call protect_tenant_table('subscription_changes', 'select, insert, update', 'select');
call protect_writes('subscription_changes', 'owner');

-- Erasures outlive what they erased, so they reference nothing: the lake is cleaned by them, and after a restore they
-- are replayed. An erasure is done when no trace is left anywhere.
create table erasures (
  id           uuid primary key default gen_random_uuid(),
  kind         text not null check (kind in ('business', 'user')),
  subject_id   uuid not null,
  requested_at timestamptz not null,
  done_at      timestamptz,
  unique (kind, subject_id)
);
create index erasures_open_idx on erasures (requested_at) where done_at is null;
call protect_table('erasures', 'select, insert, update');

-- The log keeps ids. Where a request came from goes with the person (erase_audit_origins), which its chain allows for.
grant select on audit_log to signalcraft_api;
create policy own on audit_log for select to signalcraft_api using (user_id = (select request_user()));
create policy tenant on audit_log for select to signalcraft_api
  using (business_id = (select request_business()) and (select request_may('admin')));
create policy operators on audit_log for select to signalcraft_api using ((select request_operator()));

-- erase_published removes what is published of a business, which no foreign key does. For the batch role.
-- +goose StatementBegin
create function erase_published(gone uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
  target regclass;
begin
  for target in
    select c.oid::regclass from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relnamespace = 'serving'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'business_id'
  loop
    execute format('delete from %s where business_id = $1', target) using gone;
  end loop;
end $$;
-- +goose StatementEnd
grant execute on function erase_published(uuid) to signalcraft_batch;

-- erase_business prepares the end of the request's business, which its owner asked for: it notes the erasure, ends the
-- members' live access, and removes what is published, which no foreign key does.
-- +goose StatementBegin
create function erase_business(at_instant timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  gone constant uuid := public.request_business();
begin
  if gone is null or not public.request_may('owner') then
    raise exception 'only an owner erases a business' using errcode = 'insufficient_privilege';
  end if;
  insert into public.erasures (kind, subject_id, requested_at) values ('business', gone, at_instant) on conflict do nothing;
  -- Of the members alone: an event of the business would go with it before anybody heard of it.
  insert into public.events (user_id, kind, payload, at)
  select user_id, 'membership.ended', jsonb_build_object('business_id', gone), at_instant from public.memberships where business_id = gone;
  perform public.erase_published(gone);
end $$;
-- +goose StatementEnd

-- erase_traces removes what tells of the request's user and goes with no foreign key, and notes the erasure.
-- +goose StatementBegin
create function erase_traces(at_instant timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  gone constant uuid := public.request_user();
  address text;
begin
  select lower(email) into address from public.users where id = gone;
  if address is null then
    raise exception 'nobody to erase' using errcode = 'insufficient_privilege';
  end if;
  insert into public.erasures (kind, subject_id, requested_at) values ('user', gone, at_instant) on conflict do nothing;
  perform public.erase_audit_origins(); -- of a later migration, which chains the log
  delete from public.mails where user_id = gone or lower(recipient) = address;
  delete from public.invitations where lower(email) = address;
end $$;
-- +goose StatementEnd

-- These work with the grants and policies of the batch role, which reach every business, and check the request themselves.
grant create on schema public to signalcraft_batch;
alter function accept_invitation(bytea, timestamptz) owner to signalcraft_batch;
alter function erase_business(timestamptz) owner to signalcraft_batch;
alter function erase_traces(timestamptz) owner to signalcraft_batch;
revoke create on schema public from signalcraft_batch;
grant execute on function accept_invitation(bytea, timestamptz), erase_business(timestamptz), erase_traces(timestamptz) to signalcraft_api;

-- user_colleagues returns the members of a business that the request's user belongs to, whichever it acts in.
-- +goose StatementBegin
create function user_colleagues(business uuid) returns table (id uuid, role text, is_active boolean)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
  select m.user_id, m.role, u.is_active
  from public.memberships as m join public.users as u on u.id = m.user_id
  where m.business_id = business
    and exists (select 1 from public.memberships as own where own.business_id = business and own.user_id = public.request_user())
$$;
-- +goose StatementEnd
grant execute on function user_colleagues(uuid) to signalcraft_api;
