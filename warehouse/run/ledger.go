package run

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// ledger is the table public.intervals: which windows of which model are filled.
type ledger struct {
	pool *pgxpool.Pool
}

// lock waits until no other run is under way. The returned function ends the wait of the next one.
func (l ledger) lock(ctx context.Context) (func(), error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	if _, err := conn.Exec(ctx, lockRuns); err != nil {
		conn.Release()
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	return func() {
		// The lock dies with its connection, so a connection that cannot unlock is closed.
		if _, err := conn.Exec(context.WithoutCancel(ctx), unlockRuns); err != nil {
			conn.Conn().Close(context.WithoutCancel(ctx))
		}
		conn.Release()
	}, nil
}

// read returns every model's entries.
func (l ledger) read(ctx context.Context) (map[string][]entry, error) {
	rows, err := l.pool.Query(ctx, readIntervals)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer rows.Close()
	entries := map[string][]entry{}
	for rows.Next() {
		var model string
		var start, end pgtype.Timestamptz
		var e entry
		if err := rows.Scan(&model, &start, &end, &e.hash, &e.inputs); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		if start.InfinityModifier == pgtype.Finite {
			e.window = dataset.Window{Start: start.Time.UTC(), End: end.Time.UTC()}
		}
		entries[model] = append(entries[model], e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return entries, nil
}

// filling is what one model's run adds to the ledger.
type filling struct {
	model, hash string
	windows     []dataset.Window
	inputs      map[string]int64
	only        []string // businesses whose rows are made; nil for all
	snapshot    int64
	// advance moves the model's other windows to the same inputs: they were found not to be touched.
	advance bool
	runID   uuid.UUID
	at      time.Time
}

// fill writes f in one transaction.
func (l ledger) fill(ctx context.Context, f filling) error {
	starts, ends := make([]pgtype.Timestamptz, len(f.windows)), make([]pgtype.Timestamptz, len(f.windows))
	for i, w := range f.windows {
		starts[i] = pgtype.Timestamptz{Time: w.Start, Valid: true}
		ends[i] = pgtype.Timestamptz{Time: w.End, Valid: true}
		if w.IsZero() {
			starts[i] = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
			ends[i] = pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
		}
	}
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if len(f.windows) > 0 {
			if _, err := tx.Exec(ctx, fillIntervals, f.model, starts, ends, f.hash, f.inputs, f.snapshot, f.runID, f.at); err != nil {
				return err
			}
		}
		if !f.advance {
			return nil
		}
		_, err := tx.Exec(ctx, advanceIntervals, f.model, f.hash, f.inputs)
		return err
	})
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}
