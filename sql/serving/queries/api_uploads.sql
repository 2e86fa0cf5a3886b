-- name: AddUpload :execrows
-- AddUpload adds nothing when the business has sent the same bytes before.
insert into uploads (business_id, id, created_by, name, content, size_bytes, choices, preview)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  sqlc.arg(created_by)::uuid,
  sqlc.arg(name),
  sqlc.arg(content),
  sqlc.arg(size_bytes),
  sqlc.arg(choices),
  sqlc.arg(preview)
)
on conflict (business_id, content) do nothing;

-- name: UploadByContent :one
-- UploadByContent locks the upload, so that what is decided about it stands.
select
  id,
  status,
  source_id
from uploads
where business_id = sqlc.arg(business_id) and content = sqlc.arg(content)
for update;

-- name: KnownUpload :one
-- KnownUpload returns what is known of a file with the same bytes.
select
  id,
  status,
  choices
from uploads
where business_id = sqlc.arg(business_id) and content = sqlc.arg(content);

-- name: RemoveUploadRejects :exec
delete from upload_rejects
where business_id = sqlc.arg(business_id) and upload_id = sqlc.arg(upload_id);

-- name: PendingUploads :one
-- PendingUploads counts those whose files lie here until somebody decides about them.
select count(*)
from uploads
where business_id = sqlc.arg(business_id) and status in ('previewed', 'failed');

-- name: Uploads :many
-- Uploads returns uploads of a business, newest first as their ids are by time, before that of before_id; or the one of only_id with its
-- preview, which lists leave out. An empty only_status lets all pass.
select
  u.id,
  u.created_by,
  u.name,
  u.content,
  u.size_bytes,
  u.status,
  u.choices,
  case when sqlc.narg(only_id)::uuid is null then '{}' else u.preview end::jsonb as preview,
  u.source_id,
  u.bytes_read,
  u.rows_sent,
  u.rows_landed,
  u.rows_unchanged,
  u.rows_rejected,
  u.rows_repeated,
  u.rows_left_out,
  u.problem,
  u.run_id,
  u.as_of,
  u.created_at,
  u.committed_at,
  u.finished_at
from uploads as u
where u.business_id = sqlc.arg(business_id)
  and (sqlc.narg(only_id)::uuid is null or u.id = sqlc.narg(only_id)::uuid)
  and (sqlc.narg(before_id)::uuid is null or u.id < sqlc.narg(before_id)::uuid)
  and (sqlc.arg(only_status)::text = '' or u.status = sqlc.arg(only_status)::text)
order by u.id desc
limit sqlc.arg(most)::integer;

-- name: LockUpload :one
select status
from uploads
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id)
for update;

-- name: PreviewUpload :exec
update uploads
set
  choices = sqlc.arg(choices),
  preview = sqlc.arg(preview)
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id) and status = 'previewed';

-- name: UploadBusiness :one
select
  time_zone,
  currency,
  subscription_tier
from businesses
where id = sqlc.arg(id);

-- name: CommitUpload :exec
update uploads
set
  status = 'queued',
  choices = sqlc.arg(choices),
  preview = sqlc.arg(preview),
  spec = sqlc.arg(spec),
  source_id = sqlc.arg(source_id)::uuid,
  problem = null,
  bytes_read = 0,
  committed_at = sqlc.arg(committed_at)::timestamptz,
  finished_at = null
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: DeleteUpload :execrows
delete from uploads
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id);

-- name: UploadRejects :many
select
  number,
  line,
  reason,
  raw
from upload_rejects
where business_id = sqlc.arg(business_id) and upload_id = sqlc.arg(upload_id) and number > sqlc.arg(after)
order by number
limit sqlc.arg(most)::integer;

-- name: UploadSource :one
-- UploadSource returns the business's source with a name.
select
  id,
  kind
from kpi_sources
where business_id = sqlc.arg(business_id) and name = sqlc.arg(name);

-- name: AddUploadSource :exec
insert into kpi_sources (business_id, id, name, kind)
values (sqlc.arg(business_id), sqlc.arg(id), sqlc.arg(name), 'upload');

-- name: UploadKPIs :many
-- UploadKPIs returns the business's KPIs, to which a file may belong.
select
  id,
  name
from kpis
where business_id = sqlc.arg(business_id)
order by name;

-- name: AddUploadKPI :exec
insert into kpis (business_id, id, source_id, name, unit, currency, aggregation, grain, non_negative)
values (
  sqlc.arg(business_id),
  sqlc.arg(id),
  sqlc.arg(source_id),
  sqlc.arg(name),
  sqlc.arg(unit),
  sqlc.narg(currency),
  sqlc.arg(aggregation),
  sqlc.arg(grain),
  sqlc.arg(non_negative)
);

-- name: WaitingUploads :many
-- WaitingUploads returns the committed uploads that have not landed, of every business, oldest first.
select
  business_id,
  id,
  name,
  size_bytes,
  spec,
  source_id
from uploads
where status in ('queued', 'landing') and source_id is not null
order by committed_at, id;

-- name: StartUpload :execrows
update uploads
set
  status = 'landing',
  run_id = sqlc.arg(run_id)::uuid,
  as_of = sqlc.arg(as_of)::timestamptz,
  bytes_read = 0
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id) and status in ('queued', 'landing');

-- name: ProgressUpload :exec
update uploads
set bytes_read = sqlc.arg(bytes_read)
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id) and status = 'landing';

-- name: FinishUpload :execrows
update uploads
set
  status = sqlc.arg(status),
  problem = sqlc.narg(problem),
  bytes_read = sqlc.arg(bytes_read),
  rows_sent = sqlc.narg(rows_sent)::bigint,
  rows_landed = sqlc.narg(rows_landed)::bigint,
  rows_unchanged = sqlc.narg(rows_unchanged)::bigint,
  rows_rejected = sqlc.narg(rows_rejected)::bigint,
  rows_repeated = sqlc.narg(rows_repeated)::bigint,
  rows_left_out = sqlc.narg(rows_left_out)::bigint,
  finished_at = sqlc.arg(finished_at)::timestamptz
where business_id = sqlc.arg(business_id) and id = sqlc.arg(id) and status = 'landing';

-- name: AddUploadRejects :exec
insert into upload_rejects (business_id, upload_id, number, line, reason, raw)
select
  sqlc.arg(business_id)::uuid,
  sqlc.arg(upload_id)::uuid,
  sqlc.arg(first)::bigint + ordinality - 1,
  nullif(line, 0),
  reason,
  raw
from rows from (unnest(sqlc.arg(lines)::bigint[]), unnest(sqlc.arg(reasons)::text[]), unnest(sqlc.arg(raws)::text[]))
  with ordinality as row (line, reason, raw, ordinality);

-- name: ExpireUploads :many
-- ExpireUploads removes uploads that nobody has committed for long, or not again since they failed.
delete from uploads
where
  status = 'previewed' and created_at < sqlc.arg(before)
  or status = 'failed' and coalesce(finished_at, created_at) < sqlc.arg(before)
returning id;

-- name: FailSourceUploads :many
-- FailSourceUploads ends the uploads of a source that is about to be removed and that have not landed.
update uploads
set
  status = 'failed',
  problem = sqlc.arg(problem)::text,
  finished_at = sqlc.arg(at)::timestamptz
where business_id = sqlc.arg(business_id) and source_id = sqlc.arg(source_id) and status in ('queued', 'landing')
returning id;

-- name: FailSourcelessUploads :many
-- FailSourcelessUploads ends the uploads, of every business, whose source is gone before they landed.
update uploads
set
  status = 'failed',
  problem = sqlc.arg(problem)::text,
  finished_at = sqlc.arg(at)::timestamptz
where source_id is null and status in ('queued', 'landing')
returning
  business_id,
  id;

-- name: UploadIDs :many
-- UploadIDs returns the uploads, of every business, whose files are still needed.
select id
from uploads
where status <> 'landed';
