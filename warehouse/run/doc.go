// Package run executes one batch over the lake: SQL models, Go models and checks, in
// the order of the graph, and of each only what is stale.
//
// # What is computed again?
//
// The ledger, the table public.intervals in Postgres, holds for each filled window of each model the digest of
// the code and the snapshot of every stored input it was computed from. A window is stale when
// it has no entry, when the code differs, when the model's table is gone, or when an
// input has since changed at times that the window reads. A model that is built whole has one window, all of time.
// What changed in an input comes from the lake's history, so a late correction of an
// old day recomputes that day's month and, where the model looks back, the months that look at it.
//
// Of a Go model whose rows each belong to one business (see Node.Due), only those of the businesses are made again whose input rows differ, or
// that are due since time has passed; the others' stay as the stale windows hold them. A new window, new code, and a change of what
// belongs to nobody, such as holidays, make all. After an upload the day's forecasts, anomaly scores and trends of that business are made,
// after a night those of all.
//
// # What does a crash leave?
//
// A model's rows are committed to the lake in one snapshot, then written to the
// ledger. A crash before the commit leaves nothing; a crash between the two leaves
// windows that the ledger calls stale: the next run computes them again, finds the same
// content in the lake and commits nothing. All inputs of one run are read at the snapshots that
// were the newest when it began, and as they were left by the run itself.
//
// # What does a failure stop?
//
// A failed model stops what reads it, and nothing else; its table keeps its last good
// state. A failed check stops no model: the rows are in the lake, but Blocked names the relation it guards and all
// that reads it until the check passes, and these must not be published. Run reports every failure in one joined error.
package run
