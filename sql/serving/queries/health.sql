-- name: CurrentRole :one
-- CurrentRole tells whom the connection works as and whether row-level security binds that role: it owns none of our tables, nor may it bypass.
select
  r.rolname::text as name,
  (r.rolsuper or r.rolbypassrls)::boolean as bypasses,
  exists (
    select 1
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relowner = r.oid and n.nspname in ('public', 'serving')
  )::boolean as owns
from pg_catalog.pg_roles as r
where r.rolname = current_user;
