package run

// The ledger's statements. The table is made by sql/serving/migrations.
const (
	// lockRuns makes runs of one installation wait for each other. The number is arbitrary and only used here.
	lockRuns   = `select pg_advisory_lock(7305212466)`
	unlockRuns = `select pg_advisory_unlock(7305212466)`

	readIntervals = `select model, window_start, window_end, sql_hash, inputs from public.intervals`

	fillIntervals = `
insert into public.intervals (model, window_start, window_end, sql_hash, inputs, snapshot, run_id, filled_at)
select $1, starts_at, ends_at, $4, $5, $6, $7, $8
from unnest($2::timestamptz[], $3::timestamptz[]) as filled(starts_at, ends_at)
on conflict (model, window_start) do update set
  window_end = excluded.window_end, sql_hash = excluded.sql_hash, inputs = excluded.inputs,
  snapshot = excluded.snapshot, run_id = excluded.run_id, filled_at = excluded.filled_at`

	advanceIntervals = `
update public.intervals set inputs = $3
where model = $1 and sql_hash = $2 and inputs <> $3`
)
