-- Roles belong to the server, not to a database: several databases, and several migrations at
-- once, share them. They log in on the private cluster, where the socket is the only way in; elsewhere the
-- connecting user takes them on (startup parameter role), and needs to be their member.
-- Both roles own none of the tables below and cannot bypass row-level security.

-- +goose Up
-- +goose StatementBegin
do $$
declare
  name text;
begin
  foreach name in array array['signalcraft_api', 'signalcraft_batch'] loop
    begin
      execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', name);
    exception
      when duplicate_object or unique_violation then null; -- another database's migration made it, perhaps just now
    end;
    begin
      -- From version 16 on, making a role does not suffice to take it on.
      if not pg_has_role(current_user, name, 'member') then
        execute format('grant %I to current_user', name);
      end if;
    exception
      when unique_violation then null;
    end;
  end loop;
end $$;
-- +goose StatementEnd

-- What is made later is granted deliberately.
alter default privileges revoke execute on functions from public;
revoke create on schema public from public;

create schema serving;
create schema river;
create schema lake;
grant usage on schema public, serving to signalcraft_api, signalcraft_batch;
-- River and the Iceberg catalog bring their own migrations, which the batch role runs.
grant usage, create on schema river, lake to signalcraft_batch;

-- setting_id returns the uuid that a request put into a setting with SET LOCAL, or null. After a
-- transaction that set it, a setting is not null but empty.
-- +goose StatementBegin
create function setting_id(setting text) returns uuid
language sql stable parallel safe
as $$ select nullif(current_setting(setting, true), '')::uuid $$;
-- +goose StatementEnd

-- request_user returns the user that the current transaction acts for, or null.
-- +goose StatementBegin
create function request_user() returns uuid
language sql stable parallel safe
as $$ select setting_id('app.user_id') $$;
-- +goose StatementEnd

grant execute on function setting_id(text), request_user() to signalcraft_api, signalcraft_batch;

-- protect_table turns row-level security on and forces it, on the owner too, and opens the
-- table to the batch role, which works for all businesses, for the statements that are named.
-- +goose StatementBegin
create procedure protect_table(target regclass, batch_may text)
language plpgsql
as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('revoke all on table %s from public', target);
  if batch_may <> '' then
    execute format('grant %s on table %s to signalcraft_batch', batch_may, target);
    execute format('create policy batch on %s to signalcraft_batch using (true) with check (true)', target);
  end if;
end $$;
-- +goose StatementEnd

-- protect_tenant_table is protect_table for a table of which each row belongs to the business in
-- business_id: the API role reaches the rows of the request's business, for the statements named.
-- The select around the function makes Postgres call it once for a query, not for each row.
-- +goose StatementBegin
create procedure protect_tenant_table(target regclass, api_may text, batch_may text)
language plpgsql
as $$
begin
  call protect_table(target, batch_may);
  execute format('grant %s on table %s to signalcraft_api', api_may, target);
  execute format('create policy tenant on %s to signalcraft_api using (business_id = (select request_business())) with check (business_id = (select request_business()))', target);
end $$;
-- +goose StatementEnd

revoke execute on procedure protect_table(regclass, text), protect_tenant_table(regclass, text, text) from public;
