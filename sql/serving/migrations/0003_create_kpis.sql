-- What a business measures and where its numbers come from.

-- +goose Up
create table kpi_sources (
  business_id  uuid not null references businesses on delete cascade,
  id           uuid not null,
  name         text not null check (name <> ''),
  kind         text not null check (kind in ('upload', 'file', 'http', 'database', 'push')),
  config       jsonb not null default '{}' check (jsonb_typeof(config) = 'object'),
  schedule     text,                      -- cron expression in the business's time zone; null: by hand
  is_active    boolean not null default true,
  last_run_at  timestamptz,
  last_status  text check (last_status in ('succeeded', 'partial', 'failed')),
  last_error   text,
  last_content text,                      -- digest of what landed whole last, by which an unchanged file is known
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  primary key (business_id, id),
  unique (business_id, name)
);
call protect_tenant_table('kpi_sources', 'select, insert, update, delete', 'select, insert, update');

create table kpis (
  business_id  uuid not null references businesses on delete cascade,
  id           uuid not null,
  source_id    uuid not null,
  name         text not null check (name <> ''),
  description  text not null default '',
  unit         text not null default '',                       -- "orders", "EUR", "rooms"
  currency     text check (currency ~ '^[A-Z]{3}$'),           -- ISO 4217 when the value is money
  aggregation  text not null default 'sum' check (aggregation in ('sum', 'mean', 'last', 'min', 'max')),
  grain        text not null default 'day' check (grain in ('day', 'hour')),
  non_negative boolean not null default false,
  is_active    boolean not null default true,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  primary key (business_id, id),
  unique (business_id, name),
  foreign key (business_id, source_id) references kpi_sources (business_id, id) on delete cascade
);
create index kpis_source_idx on kpis (business_id, source_id);
call protect_tenant_table('kpis', 'select, insert, update, delete', 'select, insert, update');
