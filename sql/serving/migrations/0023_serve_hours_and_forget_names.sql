-- The hours of KPIs that are measured by the hour, of the days that publication keeps. And the names that people give: the audit log and
-- the batch's books forget them with what bore them.

-- +goose Up

create table serving.kpi_hourly (
  business_id uuid not null,
  kpi_id      uuid not null,
  starts_at   timestamptz not null,        -- when the hour begins; the hour that clocks going back repeat has two rows
  day         date not null,               -- local day of the business that it lies in
  hour        integer not null,            -- local hour, 0 to 23
  value       double precision,            -- in the KPI's unit
  points      bigint not null,             -- raw points behind the value
  currency    text,                        -- of value; null unless it is money
  primary key (business_id, kpi_id, starts_at)
);
create index kpi_hourly_day_idx on serving.kpi_hourly (day); -- publication merges and drops days of all businesses
call protect_tenant_table('serving.kpi_hourly', 'select', 'select, insert, update, delete');

-- The audit log told names in its details, which its chain covers, so that they could never go. A name now stands beside the details,
-- and as with address and user agent the hash covers a salted digest of it alone: erasing sets name and salt to nothing.
alter table audit_log
  add column subject_name text not null default '', -- what people called the subject; empty when it has no name or that was erased
  add column name_salt    bytea,
  add column name_digest  bytea;

-- +goose StatementBegin
create function audit_name(salt bytea, name text) returns bytea
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select sha256(salt || convert_to(name, 'UTF8')) $$;
-- +goose StatementEnd

-- The hash of an entry without a name is what it was.
-- +goose StatementBegin
create or replace function audit_hash(previous bytea, e audit_log) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select sha256(coalesce(previous, ''::bytea) || convert_to((jsonb_build_array(
    coalesce(e.business_id::text, 'installation'), e.seq, e.id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), e.business_id, e.user_id,
    e.session_id, e.action, e.subject, e.outcome, e.request_id, e.details, encode(e.origin_digest, 'hex'))
    || case when e.name_digest is null then '[]'::jsonb else jsonb_build_array(encode(e.name_digest, 'hex')) end)::text, 'UTF8'))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function chain_audit_entry() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
  link text := coalesce(new.business_id::text, 'installation');
  previous bytea;
begin
  new.origin_salt := null;
  new.origin_digest := null;
  if new.ip is not null or new.user_agent <> '' then
    new.origin_salt := uuid_send(gen_random_uuid());
    new.origin_digest := public.audit_origin(new.origin_salt, new.ip, new.user_agent);
  end if;
  new.name_salt := null;
  new.name_digest := null;
  if new.subject_name <> '' then
    new.name_salt := uuid_send(gen_random_uuid());
    new.name_digest := public.audit_name(new.name_salt, new.subject_name);
  end if;
  insert into public.audit_heads as h (chain, seq, hash) values (link, 1, '')
    on conflict (chain) do update set seq = h.seq + 1
    returning h.seq, h.hash into new.seq, previous;
  new.hash := public.audit_hash(previous, new);
  update public.audit_heads set hash = new.hash where chain = link;
  return new;
end $$;
-- +goose StatementEnd

-- keep_audit_entry lets an update do two things: forget where an entry came from, and forget a name.
-- +goose StatementBegin
create or replace function keep_audit_entry() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if ((new.ip, new.user_agent, new.origin_salt) is not distinct from (old.ip, old.user_agent, old.origin_salt)
      or (new.ip is null and new.user_agent = '' and new.origin_salt is null))
    and ((new.subject_name, new.name_salt) is not distinct from (old.subject_name, old.name_salt)
      or (new.subject_name = '' and new.name_salt is null))
    and (new.id, new.at, new.business_id, new.user_id, new.session_id, new.action, new.subject, new.outcome, new.request_id, new.details, new.seq, new.origin_digest, new.name_digest, new.hash)
      is not distinct from (old.id, old.at, old.business_id, old.user_id, old.session_id, old.action, old.subject, old.outcome, old.request_id, old.details, old.seq, old.origin_digest, old.name_digest, old.hash) then
    return new;
  end if;
  raise exception 'audit_log is append-only' using errcode = 'insufficient_privilege';
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function verify_audit() returns table (chain text, seq bigint, id bigint, fault text)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
  with linked as (
    select a as entry, a.chain, a.seq, a.id, a.hash, a.ip, a.user_agent, a.origin_salt, a.origin_digest, a.subject_name, a.name_salt, a.name_digest,
      lag(a.seq) over link as seq_before, lag(a.hash) over link as hash_before
    from public.audit_log as a
    window link as (partition by a.chain order by a.seq, a.id)
  ), tails as (
    select distinct on (a.chain) a.chain, a.seq, a.hash from public.audit_log as a order by a.chain, a.seq desc, a.id desc
  ), faults as (
    select l.chain, l.seq, l.id, 'inserted' as fault from linked as l where l.seq = l.seq_before or l.seq < 1
    union all
    select l.chain, l.seq - 1, null, 'removed' from linked as l where l.seq > coalesce(l.seq_before, 0) + 1
    union all
    select l.chain, l.seq, l.id, 'changed' from linked as l
    where l.seq = coalesce(l.seq_before, 0) + 1 and l.hash is distinct from public.audit_hash(coalesce(l.hash_before, ''), l.entry)
    union all
    select l.chain, l.seq, l.id, 'origin changed' from linked as l
    where case when l.origin_salt is null then l.ip is not null or l.user_agent <> ''
      else l.origin_digest is distinct from public.audit_origin(l.origin_salt, l.ip, l.user_agent) end
    union all
    select l.chain, l.seq, l.id, 'name changed' from linked as l
    where case when l.name_salt is null then l.subject_name <> ''
      else l.name_digest is distinct from public.audit_name(l.name_salt, l.subject_name) end
    union all
    select h.chain, h.seq, null, 'removed' from public.audit_heads as h left join tails as t on t.chain = h.chain where h.seq > coalesce(t.seq, 0)
    union all
    select t.chain, t.seq, null, 'inserted' from tails as t left join public.audit_heads as h on h.chain = t.chain where t.seq > coalesce(h.seq, 0)
    union all
    select t.chain, t.seq, null, 'changed' from tails as t join public.audit_heads as h on h.chain = t.chain and h.seq = t.seq where h.hash <> t.hash
  )
  select f.chain, f.seq, f.id, f.fault from faults as f order by f.chain, f.seq, f.id, f.fault
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function audit_state() returns table (entries bigint, chains bigint, erased bigint, digest text)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
  select (select count(*) from public.audit_log), (select count(*) from public.audit_heads),
    (select count(*) from public.audit_log as a
      where (a.origin_salt is null and a.origin_digest is not null) or (a.name_salt is null and a.name_digest is not null)),
    (select encode(sha256(convert_to(coalesce(string_agg(h.chain || ' ' || h.seq || ' ' || encode(h.hash, 'hex'), E'\n' order by h.chain), ''), 'UTF8')), 'hex')
      from public.audit_heads as h)
$$;
-- +goose StatementEnd

-- erase_audit_origins forgets from where the request's user acted, and the names of what that was done to: people name files after
-- themselves. It is part of the erasure of a person.
-- +goose StatementBegin
create or replace function erase_audit_origins() returns bigint
language sql security definer
set search_path = pg_catalog, public, pg_temp
as $$
  with erased as (
    update public.audit_log set ip = null, user_agent = '', origin_salt = null, subject_name = '', name_salt = null
    where user_id = public.request_user() and (origin_salt is not null or name_salt is not null)
    returning 1
  )
  select count(*) from erased
$$;
-- +goose StatementEnd

-- What the batch wrote of a failure names sources and uploads by id. With one of them go the texts that hold its id.
create index runs_failed_idx on runs (id) where error is not null;
-- +goose StatementBegin
do $$
begin
  execute format('create policy owner_forgets on runs for update to %I using (true)', current_user);
end $$;
-- +goose StatementEnd

-- erased_steps is counts without what failed steps said.
-- +goose StatementBegin
create function erased_steps(counts jsonb) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(counts -> 'steps') = 'array' then counts || jsonb_build_object('steps', (
    select coalesce(jsonb_agg(case when s.step ? 'failed' then s.step || '{"failed": "erased"}' else s.step end order by s.place), '[]')
    from jsonb_array_elements(counts -> 'steps') with ordinality as s (step, place))) else counts end
$$;
-- +goose StatementEnd

-- forget_names removes the names of a business, source or upload that is deleted, however that comes about.
-- +goose StatementBegin
create function forget_names() returns trigger
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
  if tg_table_name = 'businesses' then
    update public.audit_log as a set subject_name = '', name_salt = null
    from gone where a.business_id = gone.id and a.name_salt is not null;
    return null;
  end if;
  update public.audit_log as a set subject_name = '', name_salt = null
  from gone where a.business_id = gone.business_id and a.subject = gone.id::text and a.name_salt is not null;
  update public.runs as r set error = 'erased', counts = public.erased_steps(r.counts)
  where r.error is not null and exists (select 1 from gone where position(gone.id::text in r.error) > 0);
  return null;
end $$;
-- +goose StatementEnd
create trigger businesses_names_forgotten after delete on businesses referencing old table as gone
  for each statement execute function forget_names();
create trigger kpi_sources_names_forgotten after delete on kpi_sources referencing old table as gone
  for each statement execute function forget_names();
create trigger uploads_names_forgotten after delete on uploads referencing old table as gone
  for each statement execute function forget_names();

-- Names in the details of entries from before move to where they can be erased, and what belongs to nobody any more goes. That makes the
-- chains that hold some anew, provided that they are whole: a digest of the log that was kept elsewhere is to be taken again.
-- The owner may be no superuser: for as long as it looks for what is left, row-level security does not bind it.
drop trigger audit_log_kept on audit_log;
alter table kpi_sources no force row level security;
alter table uploads no force row level security;
-- +goose StatementBegin
do $$
declare
  broken text[] := array(select distinct f.chain from verify_audit() as f);
  e audit_log;
  link text;
  previous bytea;
begin
  for e in
    select a.* from audit_log as a
    where a.chain <> all (broken) and a.chain in (select named.chain from audit_log as named where named.details ? 'name')
    order by a.chain, a.seq
  loop
    if e.chain is distinct from link then
      link := e.chain;
      previous := '';
    end if;
    if e.details ? 'name' then
      e.subject_name := coalesce(e.details ->> 'name', '');
      e.details := e.details - 'name';
      if e.subject_name <> '' then
        e.name_salt := uuid_send(gen_random_uuid());
        e.name_digest := audit_name(e.name_salt, e.subject_name);
      end if;
      if (e.business_id is not null and not exists (select 1 from businesses where id = e.business_id))
        or (e.user_id is not null and not exists (select 1 from users where id = e.user_id))
        or (e.action like '%Source' and not exists (select 1 from kpi_sources where id::text = e.subject))
        or (e.action like '%Upload' and not exists (select 1 from uploads where id::text = e.subject)) then
        e.subject_name := '';
        e.name_salt := null;
      end if;
    end if;
    e.hash := audit_hash(previous, e);
    update audit_log set details = e.details, subject_name = e.subject_name, name_salt = e.name_salt, name_digest = e.name_digest, hash = e.hash where id = e.id;
    update audit_heads set hash = e.hash where chain = e.chain and seq = e.seq;
    previous := e.hash;
  end loop;
end $$;
-- +goose StatementEnd
create trigger audit_log_kept before update on audit_log for each row execute function keep_audit_entry();

-- Failures from before told sources' names.
update runs as r set error = 'erased', counts = erased_steps(r.counts)
where r.error is not null and exists (
  select 1 from regexp_matches(r.error, 'KPI source [^\n]*? \(([0-9a-f-]{36})\)', 'g') as named (found)
  where not exists (select 1 from kpi_sources where id::text = named.found[1]));
alter table kpi_sources force row level security;
alter table uploads force row level security;
