// Package publish copies marts from the lake to the serving tables in Postgres.
//
// Each table is published in one transaction: the changed windows are copied in
// binary form into a temporary table, merged into the serving table, rows that the
// mart no longer holds are deleted from those windows, and the snapshot, run and
// as-of instant are recorded in serving.publications, and the businesses whose rows
// changed in serving.changes, for whoever tells them. Readers never see half a run,
// and a table whose snapshot is already recorded is not touched. What changed since
// the recorded snapshot is read from the lake's own history, so a publication that
// was interrupted, skipped or rolled back is made good by the next one.
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Publisher publishes the lake's marts. It may be used by several goroutines; two
// publications of one table wait for each other.
type Publisher struct {
	// Lake is read.
	Lake *lakehouse.Lake
	// Pool connects as the batch role.
	Pool *pgxpool.Pool
	// Logger receives one line for each table that changed.
	Logger *slog.Logger
	// Now is the clock that durations are measured with.
	Now func() time.Time
}

// Result says what publishing one table did.
type Result struct {
	// Table is the serving table, Dataset the mart it shows.
	Table, Dataset string
	// Snapshot is the lake snapshot that the table now shows; 0 when the mart does not exist yet.
	Snapshot int64
	// Read counts rows copied from the lake; Inserted, Updated and Deleted count rows changed in Postgres.
	Read, Inserted, Updated, Deleted int64
	// Current is true when the snapshot was already published and nothing was written.
	Current bool
	// Took is the wall-clock time.
	Took time.Duration
}

// Changed returns the number of rows that the publication changed.
func (r Result) Changed() int64 { return r.Inserted + r.Updated + r.Deleted }

// Run names the batch that publishes: it is recorded with every table.
type Run struct {
	ID   string
	AsOf time.Time
}

// tablesAtOnce is how many tables are published side by side: each keeps one Postgres process busy or waiting for the disk, and this
// process less than half a core. Three are the large tables of days, which come first: none is left over to be published alone.
const tablesAtOnce = 3

// Publish brings every table of tables up to the head of its mart, except those whose
// dataset blocked names (a mart whose checks failed keeps its last good state). One
// table's failure does not stop the others: the joined error names each.
func (p *Publisher) Publish(ctx context.Context, run Run, tables []Table, blocked map[string]error) ([]Result, error) {
	heads, err := p.Lake.Heads(ctx)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	results, failed := make([]Result, len(tables)), make([]error, len(tables))
	var group errgroup.Group
	group.SetLimit(tablesAtOnce)
	for k, table := range tables {
		if cause := blocked[table.Dataset]; cause != nil {
			failed[k] = fmt.Errorf("publish %s: its mart %s is held back: %w", table.Name, table.Dataset, cause)
			continue
		}
		group.Go(func() error {
			result, err := p.publishTable(ctx, run, table, heads[table.Dataset])
			if err != nil {
				failed[k] = fmt.Errorf("publish %s from %s: %w", table.Name, table.Dataset, err)
				return nil // the others go on; all failures are reported together
			}
			results[k] = result
			if !result.Current {
				p.Logger.Info("published", "run", run.ID, "dataset", table.Dataset, "rows", result.Changed(), "took", result.Took)
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error
	results = slices.DeleteFunc(results, func(r Result) bool { return r.Table == "" })
	return results, errors.Join(failed...)
}

func (p *Publisher) publishTable(ctx context.Context, run Run, table Table, head int64) (Result, error) {
	started := p.Now()
	result := Result{Table: table.Name, Dataset: table.Dataset, Snapshot: head}
	if head == 0 {
		result.Current = true
		return result, nil
	}
	err := pgx.BeginFunc(ctx, p.Pool, func(tx pgx.Tx) error {
		published, err := lockPublication(ctx, tx, table)
		if err != nil {
			return err
		}
		if published == head {
			result.Current = true
			return nil
		}
		change, err := p.Lake.Changes(ctx, table.Dataset, published)
		if err != nil {
			return err
		}
		window := change.Window
		if change.All || change.None {
			window = dataset.Window{}
		}
		if !change.None {
			if err := p.merge(ctx, tx, run, table, change.To, window, published == 0, &result); err != nil {
				return err
			}
		}
		result.Snapshot = change.To
		return recordPublication(ctx, tx, table, change.To, result.Inserted-result.Deleted, run)
	})
	result.Took = p.Now().Sub(started)
	return result, err
}

// merge makes the serving table's rows of window, or all when it is zero, equal to the mart's.
func (p *Publisher) merge(ctx context.Context, tx pgx.Tx, run Run, table Table, snapshot int64, window dataset.Window, first bool, result *Result) error {
	window, expired := table.kept(window, run.AsOf)
	files, err := p.Lake.Files(ctx, table.Dataset, lakehouse.ReadOptions{Snapshot: snapshot, Window: window})
	if err != nil {
		return err
	}
	columns, err := matchColumns(ctx, tx, table, files.Dataset)
	if err != nil {
		return err
	}
	batches, err := p.Lake.Scan(ctx, table.Dataset, columnNames(columns), lakehouse.ReadOptions{Snapshot: snapshot, Window: window})
	if err != nil {
		return err
	}
	incoming, err := createIncoming(ctx, tx, table)
	if err != nil {
		return err
	}
	if result.Read, err = copyBatches(ctx, tx.Conn().PgConn(), incoming, columns, batches); err != nil {
		return err
	}
	merged, err := mergeIncoming(ctx, tx, run, table, columns, files.Dataset, window, first)
	if err != nil {
		return err
	}
	result.Inserted, result.Updated, result.Deleted = merged.inserted, merged.updated, merged.deleted
	if first || expired.IsZero() {
		return nil
	}
	gone, err := expire(ctx, tx, table, files.Dataset, expired)
	result.Deleted += gone
	return err
}
