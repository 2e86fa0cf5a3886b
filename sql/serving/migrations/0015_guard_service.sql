-- What guards the service: the chain of the audit log, answers kept for repeated requests, and rate limits.
--
-- The audit log is a chain of hashes for each business, and one for the installation: every entry holds its number in
-- the chain and a hash over the entry before it and its own columns; audit_heads holds the last number and hash. So an
-- entry that is changed, removed, inserted or moved is found, also when it is the last. Who can write as the owner of the
-- tables can forge a whole chain; against that, keep the digest that a verification prints elsewhere.
--
-- Address and user agent are personal data, and must go when the person asks for it. Therefore the hash covers only a
-- salted digest of them. Erasing sets both and the salt to nothing; the digest stays, tells nothing, and the chain holds.

-- +goose Up

drop trigger audit_log_append_only on audit_log;

-- The log is young where this runs; both statements and the numbering below read it once, under a lock that writers wait for.
alter table audit_log
  add column chain         text generated always as (coalesce(business_id::text, 'installation')) stored,
  add column seq           bigint,
  add column origin_salt   bytea,
  add column origin_digest bytea,
  add column hash          bytea;

create table audit_heads (
  chain text primary key,                 -- a business's id, or 'installation'
  seq   bigint not null check (seq > 0),  -- of its last entry
  hash  bytea not null
);
call protect_table('audit_heads', '');

-- audit_hash returns the hash of an entry that follows one with the hash previous.
-- +goose StatementBegin
create function audit_hash(previous bytea, e audit_log) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select sha256(coalesce(previous, ''::bytea) || convert_to(jsonb_build_array(
    coalesce(e.business_id::text, 'installation'), e.seq, e.id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), e.business_id, e.user_id,
    e.session_id, e.action, e.subject, e.outcome, e.request_id, e.details, encode(e.origin_digest, 'hex'))::text, 'UTF8'))
$$;
-- +goose StatementEnd

-- audit_origin returns the digest of what is known of the caller.
-- +goose StatementBegin
create function audit_origin(salt bytea, ip inet, user_agent text) returns bytea
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select sha256(salt || convert_to(coalesce(host(ip), '') || E'\n' || user_agent, 'UTF8')) $$;
-- +goose StatementEnd

-- chain_audit_entry appends to the entry's chain. The head's row is locked until the transaction ends: entries of one chain
-- wait for each other, those of others do not.
-- +goose StatementBegin
create function chain_audit_entry() returns trigger
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
  insert into public.audit_heads as h (chain, seq, hash) values (link, 1, '')
    on conflict (chain) do update set seq = h.seq + 1
    returning h.seq, h.hash into new.seq, previous;
  new.hash := public.audit_hash(previous, new);
  update public.audit_heads set hash = new.hash where chain = link;
  return new;
end $$;
-- +goose StatementEnd

-- keep_audit_entry lets an update do one thing: forget where an entry came from.
-- +goose StatementBegin
create function keep_audit_entry() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.ip is null and new.user_agent = '' and new.origin_salt is null
    and (new.id, new.at, new.business_id, new.user_id, new.session_id, new.action, new.subject, new.outcome, new.request_id, new.details, new.seq, new.origin_digest, new.hash)
      is not distinct from (old.id, old.at, old.business_id, old.user_id, old.session_id, old.action, old.subject, old.outcome, old.request_id, old.details, old.seq, old.origin_digest, old.hash) then
    return new;
  end if;
  raise exception 'audit_log is append-only' using errcode = 'insufficient_privilege';
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
begin
  execute format('create policy owner on audit_log to %I using (true) with check (true)', current_user);
  execute format('create policy owner on audit_heads to %I using (true) with check (true)', current_user);
end $$;
-- +goose StatementEnd

-- Entries from before are chained in the order in which they came.
-- +goose StatementBegin
do $$
declare
  e audit_log;
  head audit_heads;
begin
  for e in select * from audit_log order by id loop
    select * into head from audit_heads where chain = e.chain;
    e.seq := coalesce(head.seq, 0) + 1;
    if e.ip is not null or e.user_agent <> '' then
      e.origin_salt := uuid_send(gen_random_uuid());
      e.origin_digest := audit_origin(e.origin_salt, e.ip, e.user_agent);
    end if;
    e.hash := audit_hash(coalesce(head.hash, ''), e);
    update audit_log set seq = e.seq, origin_salt = e.origin_salt, origin_digest = e.origin_digest, hash = e.hash where id = e.id;
    insert into audit_heads (chain, seq, hash) values (e.chain, e.seq, e.hash)
      on conflict (chain) do update set seq = excluded.seq, hash = excluded.hash;
  end loop;
end $$;
-- +goose StatementEnd

alter table audit_log alter column seq set not null, alter column hash set not null;
create index audit_log_chain_idx on audit_log (chain, seq);

create trigger audit_log_chained before insert on audit_log for each row execute function chain_audit_entry();
create trigger audit_log_kept before update on audit_log for each row execute function keep_audit_entry();
create trigger audit_log_append_only before delete or truncate on audit_log for each statement execute function refuse_change();

-- verify_audit checks every chain. Its rows are the faults, in order; a log that is whole has none. Id is null where
-- the entry is gone.
-- +goose StatementBegin
create function verify_audit() returns table (chain text, seq bigint, id bigint, fault text)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
  with linked as (
    select a as entry, a.chain, a.seq, a.id, a.hash, a.ip, a.user_agent, a.origin_salt, a.origin_digest,
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
    select h.chain, h.seq, null, 'removed' from public.audit_heads as h left join tails as t on t.chain = h.chain where h.seq > coalesce(t.seq, 0)
    union all
    select t.chain, t.seq, null, 'inserted' from tails as t left join public.audit_heads as h on h.chain = t.chain where t.seq > coalesce(h.seq, 0)
    union all
    select t.chain, t.seq, null, 'changed' from tails as t join public.audit_heads as h on h.chain = t.chain and h.seq = t.seq where h.hash <> t.hash
  )
  select f.chain, f.seq, f.id, f.fault from faults as f order by f.chain, f.seq, f.id, f.fault
$$;
-- +goose StatementEnd

-- audit_state tells what there is to verify, and a digest over all heads: one that is kept elsewhere later proves that
-- no chain was forged up to then, when the log is verified up to that many entries.
-- +goose StatementBegin
create function audit_state() returns table (entries bigint, chains bigint, erased bigint, digest text)
language sql stable security definer
set search_path = pg_catalog, public, pg_temp
as $$
  select (select count(*) from public.audit_log), (select count(*) from public.audit_heads),
    (select count(*) from public.audit_log as a where a.origin_salt is null and a.origin_digest is not null),
    (select encode(sha256(convert_to(coalesce(string_agg(h.chain || ' ' || h.seq || ' ' || encode(h.hash, 'hex'), E'\n' order by h.chain), ''), 'UTF8')), 'hex')
      from public.audit_heads as h)
$$;
-- +goose StatementEnd

-- erase_audit_origins forgets from where the request's user acted. It is part of the erasure of a person.
-- +goose StatementBegin
create function erase_audit_origins() returns bigint
language sql security definer
set search_path = pg_catalog, public, pg_temp
as $$
  with erased as (
    update public.audit_log set ip = null, user_agent = '', origin_salt = null
    where user_id = public.request_user() and origin_salt is not null
    returning 1
  )
  select count(*) from erased
$$;
-- +goose StatementEnd
grant execute on function verify_audit(), audit_state(), erase_audit_origins() to signalcraft_api, signalcraft_batch;

-- Requests that came with an Idempotency-Key: first a claim with a lease, then, from the transaction of the effect itself, the
-- answer. A principal is a user or one of the user's API keys.
create table idempotency_keys (
  user_id      uuid not null references users on delete cascade,
  principal    uuid not null,
  key          text not null check (length(key) between 1 and 255),
  operation    text not null,
  claim        uuid not null,               -- of the request that works on it; another one took over if it differs
  leased_until timestamptz not null,        -- by then that request has ended, or its process has
  fingerprint  bytea,                       -- of method, route and body; null while in flight
  status       integer,
  answer       text,                        -- headers and body, sealed
  expires_at   timestamptz not null,
  primary key (user_id, principal, key),
  check ((fingerprint is null) = (answer is null) and (answer is null) = (status is null))
);
create index idempotency_keys_expiry_idx on idempotency_keys (user_id, expires_at);
call protect_table('idempotency_keys', '');
grant select, insert, update, delete on idempotency_keys to signalcraft_api;
create policy own on idempotency_keys to signalcraft_api
  using (user_id = (select request_user())) with check (user_id = (select request_user()));

-- Token buckets that all processes share. What a bucket is for is hashed: it may be an address. Written often and worth
-- nothing after a crash, hence unlogged.
create unlogged table rate_buckets (
  bucket  text primary key,
  full_at timestamptz not null              -- when it has all its tokens again; after that the row says nothing
);
create index rate_buckets_full_idx on rate_buckets (full_at);
call protect_table('rate_buckets', '');
grant select, insert, update, delete on rate_buckets to signalcraft_api;
create policy service on rate_buckets to signalcraft_api using (true) with check (true);
