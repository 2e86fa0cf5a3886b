-- name: EndAbandonedRuns :execrows
-- EndAbandonedRuns marks runs of a job that still stand as running, although the caller knows that the job does not run.
update runs
set
  status = 'failed',
  finished_at = sqlc.arg(at)::timestamptz,
  error = 'the process ended before the run did'
where job = sqlc.arg(job) and status = 'running' and id <> sqlc.arg(except_id);

-- name: StartRun :exec
insert into runs (id, job, as_of, status, started_at)
values (sqlc.arg(id), sqlc.arg(job), sqlc.arg(as_of), 'running', sqlc.arg(started_at));

-- name: FinishRun :execrows
update runs
set
  status = sqlc.arg(status),
  finished_at = sqlc.arg(finished_at)::timestamptz,
  error = sqlc.narg(error),
  counts = sqlc.arg(counts)
where id = sqlc.arg(id) and status = 'running';

-- name: Runs :many
-- Runs returns the newest runs, of all jobs when job is null.
select
  id,
  job,
  as_of,
  status,
  started_at,
  finished_at
from runs
where sqlc.narg(job)::text is null or job = sqlc.narg(job)::text
order by started_at desc, id desc
limit sqlc.arg(most)::integer;

-- name: Readings :many
select
  subject,
  read_until
from readings
where source = sqlc.arg(source);

-- name: RecordReadings :exec
-- RecordReadings notes how far a source was read for subjects, each of which stands once. It never goes back.
insert into readings (source, subject, read_until, run_id)
select sqlc.arg(source)::text, subject, sqlc.arg(read_until)::timestamptz, sqlc.arg(run_id)::uuid
from unnest(sqlc.arg(subjects)::text[]) as subject
on conflict (source, subject) do update
set
  read_until = greatest(readings.read_until, excluded.read_until),
  run_id = excluded.run_id;

-- name: Publications :many
-- Publications returns what every published table shows, by name; tables that were never published are not in it.
select
  table_name,
  dataset,
  snapshot,
  run_id,
  as_of,
  rows,
  published_at
from serving.publications
where published_at is not null
order by table_name;
