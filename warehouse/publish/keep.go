package publish

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// kept returns the part of a change's window, all of time when zero, that stays published by a run as of an instant, and the
// instant before which rows leave the table; zero when they stay. A change before it leaves an empty window.
func (t Table) kept(change dataset.Window, asOf time.Time) (window dataset.Window, before time.Time) {
	if t.KeepDays == 0 {
		return change, time.Time{}
	}
	before = dataset.Day.Truncate(asOf).AddDate(0, 0, -t.KeepDays)
	if change.IsZero() {
		change.End = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if change.Start.Before(before) {
		change.Start = before
	}
	if change.End.Before(change.Start) {
		change.End = change.Start
	}
	return change, before
}

// expire deletes the rows before an instant and returns how many there were. Nobody is told: what leaves has been there for long.
func expire(ctx context.Context, tx pgx.Tx, table Table, mart dataset.Dataset, before time.Time) (int64, error) {
	tag, err := tx.Exec(ctx, fmt.Sprintf("delete from %s where %s < $1", table.identifier().Sanitize(), quote(mart.Time)), before)
	if err != nil {
		return 0, fmt.Errorf("delete rows that are kept no longer: %w", err)
	}
	return tag.RowsAffected(), nil
}
