package warehouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Result is one query's rows, computed and held in the session until the next Compute
// or Drop.
type Result struct {
	s *Session
	d dataset.Dataset
	// Rows is how many rows there are.
	Rows int64
}

// Compute runs query and holds its rows, cut to the window on d's time column. The query's
// columns must be d's, in name, order and type; the error names the first that differs. Field ids of d are not used.
func (s *Session) Compute(ctx context.Context, d dataset.Dataset, query string, w dataset.Window) (*Result, error) {
	if err := s.checkColumns(ctx, d, query); err != nil {
		return nil, fmt.Errorf("compute %s: %w", d.Name, err)
	}
	for _, statement := range []string{createSchema(resultRelation), createResult(selectCut(d, query, w), d.Partition)} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("compute %s: %w", d.Name, err)
		}
	}
	r := &Result{s: s, d: d}
	if err := s.conn.QueryRowContext(ctx, countRows(resultRelation)).Scan(&r.Rows); err != nil {
		return nil, fmt.Errorf("compute %s: %w", d.Name, err)
	}
	s.logger.Debug("computed", "dataset", d.Name, "window", w.String(), "rows", r.Rows)
	return r, nil
}

func (s *Session) checkColumns(ctx context.Context, d dataset.Dataset, query string) error {
	got, err := s.Describe(ctx, query)
	if err != nil {
		return err
	}
	for i, want := range d.Columns {
		if i >= len(got) {
			return fmt.Errorf("column %s is declared and the result lacks it", want.Name)
		}
		if got[i].Name != want.Name || got[i].Type != want.Type {
			return fmt.Errorf("column %d of the result is %s %s, declared is %s %s", i+1, got[i].Name, got[i].Type, want.Name, want.Type)
		}
	}
	if len(got) > len(d.Columns) {
		return fmt.Errorf("column %s of the result is not declared", got[len(d.Columns)].Name)
	}
	return nil
}

// CheckGrain returns an error with up to three samples when rows of the result share
// their values of the grain columns or have null there.
func (r *Result) CheckGrain(ctx context.Context, grain []string) error {
	samples, err := r.s.sample(ctx, duplicates(grain))
	if err != nil {
		return fmt.Errorf("check grain of %s: %w", r.d.Name, err)
	}
	if len(samples) > 0 {
		return fmt.Errorf("check grain of %s: rows are not unique by (%s) or null there: %s", r.d.Name, strings.Join(grain, ", "), strings.Join(samples, "; "))
	}
	return nil
}

// Samples returns up to three rows as "column=value" text.
func (r *Result) Samples(ctx context.Context) ([]string, error) {
	return r.s.sample(ctx, selectSamples())
}

// Read returns the named columns of all rows. It is for small results.
func (r *Result) Read(ctx context.Context, columns []string) (Rows, error) {
	return r.s.Read(ctx, selectColumns(Selection{Relation: resultRelation, Columns: columns}, ""))
}

// Export writes the rows as Parquet, one file for each partition of d that has rows,
// sorted by d.Sort, with d's field ids, which must be set. It asks newFile for each file's path. No row writes no file.
func (r *Result) Export(ctx context.Context, d dataset.Dataset, newFile func() string) error {
	parts, err := r.partitions(ctx, d.Partition)
	if err != nil {
		return fmt.Errorf("export %s: %w", d.Name, err)
	}
	for _, part := range parts {
		if _, err := r.s.conn.ExecContext(ctx, copyPartition(d, part, newFile())); err != nil {
			return fmt.Errorf("export %s: partition %s: %w", d.Name, part, err)
		}
	}
	return nil
}

// partitions returns the windows of the partitions that have rows: one zero window for
// an unpartitioned dataset with rows.
func (r *Result) partitions(ctx context.Context, p dataset.Partition) ([]dataset.Window, error) {
	if r.Rows == 0 {
		return nil, nil
	}
	if p.Transform == dataset.None {
		return []dataset.Window{{}}, nil
	}
	rows, err := r.s.conn.QueryContext(ctx, partitionsOf(p))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var parts []dataset.Window
	for rows.Next() {
		var start *time.Time
		if err := rows.Scan(&start); err != nil {
			return nil, err
		}
		if start == nil {
			return nil, fmt.Errorf("partition column %s is null in some row", p.Column)
		}
		parts = append(parts, dataset.Window{Start: start.UTC(), End: p.Transform.Next(start.UTC())})
	}
	return parts, rows.Err()
}

// Drop frees the rows.
func (r *Result) Drop(ctx context.Context) error {
	if _, err := r.s.conn.ExecContext(ctx, dropResult()); err != nil {
		return fmt.Errorf("drop result of %s: %w", r.d.Name, err)
	}
	return nil
}

// sample returns each row of a short query as one line of text.
func (s *Session) sample(ctx context.Context, query string) ([]string, error) {
	table, err := s.Read(ctx, query)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, row := range table.Rows {
		parts := make([]string, len(row))
		for i, value := range row {
			parts[i] = table.Columns[i] + "=" + Text(value)
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	return lines, nil
}
