package warehouse

import (
	"context"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Parameters is what a run hands to models through the relations run.parameters and run.window.
type Parameters struct {
	// AsOf is the run's instant; zero gives null.
	AsOf time.Time
	// Window is what a window model is computed for; zero gives null bounds.
	Window dataset.Window
}

// Mount makes d.Name a view over Parquet files, read by field id and cut to the window
// on d's time column. Columns that a file lacks are null. Without files, or for a
// dataset that the lake does not have yet, it is an empty relation of d's types. A dataset without a time column is
// mounted whole. Mounting the name again replaces the view.
func (s *Session) Mount(ctx context.Context, d dataset.Dataset, paths []string, w dataset.Window) error {
	query := selectEmpty(d)
	if len(paths) > 0 {
		query = selectFiles(d, paths, w)
	}
	return s.DefineView(ctx, d.Name, query)
}

// MountRows makes d.Name a table of the given rows, each with one value or its text
// for each column; nil is null. It is for small tables: tests and one-row relations.
func (s *Session) MountRows(ctx context.Context, d dataset.Dataset, rows [][]any) error {
	for _, statement := range []string{createSchema(d.Name), createTable(d)} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("mount %s: %w", d.Name, err)
		}
	}
	for i, row := range rows {
		if _, err := s.conn.ExecContext(ctx, insertRow(d), row...); err != nil {
			return fmt.Errorf("mount %s: row %d: %w", d.Name, i+1, err)
		}
	}
	return nil
}

// DefineView makes relation a view of query, in place of an earlier one.
func (s *Session) DefineView(ctx context.Context, relation, query string) error {
	for _, statement := range []string{createSchema(relation), createView(relation, query)} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("mount %s: %w", relation, err)
		}
	}
	return nil
}

// ParametersDataset is the shape of the relation run.parameters.
func ParametersDataset() dataset.Dataset {
	return dataset.Dataset{Name: "run.parameters", Columns: []dataset.Column{
		{Name: "as_of", Type: dataset.Timestamp}, {Name: "window_start", Type: dataset.Date}, {Name: "window_end", Type: dataset.Date},
	}}
}

// outputWindow gives run.window, which makes no model stale, its row.
const outputWindow = `select window_start, window_end from run.parameters`

// SetParameters makes run.parameters the one row p and run.window that of its bounds.
func (s *Session) SetParameters(ctx context.Context, p Parameters) error {
	row := make([]any, 3)
	if !p.AsOf.IsZero() {
		row[0] = p.AsOf.UTC()
	}
	if !p.Window.IsZero() {
		row[1], row[2] = p.Window.Start.UTC(), p.Window.End.UTC()
	}
	if err := s.MountRows(ctx, ParametersDataset(), [][]any{row}); err != nil {
		return err
	}
	return s.DefineView(ctx, "run.window", outputWindow)
}

// Bounds returns the least and greatest value of a relation's date or timestamptz
// column as instants, and false when there is none.
func (s *Session) Bounds(ctx context.Context, relation, column string) (least, greatest time.Time, found bool, err error) {
	var low, high *time.Time
	if err := s.conn.QueryRowContext(ctx, bounds(relation, column)).Scan(&low, &high); err != nil {
		return time.Time{}, time.Time{}, false, fmt.Errorf("bounds of %s.%s: %w", relation, column, err)
	}
	if low == nil || high == nil {
		return time.Time{}, time.Time{}, false, nil
	}
	return low.UTC(), high.UTC(), true, nil
}
