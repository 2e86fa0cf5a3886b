package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// Rows is a small query result held in memory.
type Rows struct {
	// Columns are the names, Types DuckDB's type names.
	Columns, Types []string
	// Rows hold Go values: bool, integers, float64, string, time.Time; nil is null.
	Rows [][]any
}

// Read runs a query and returns all of its rows. It is for small results.
func (s *Session) Read(ctx context.Context, query string, args ...any) (Rows, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return Rows{}, err
	}
	defer rows.Close()
	out, err := header(rows)
	if err != nil {
		return Rows{}, err
	}
	for rows.Next() {
		row := make([]any, len(out.Columns))
		if err := rows.Scan(pointers(row)...); err != nil {
			return Rows{}, err
		}
		out.Rows = append(out.Rows, row)
	}
	return out, rows.Err()
}

func header(rows *sql.Rows) (Rows, error) {
	names, err := rows.Columns()
	if err != nil {
		return Rows{}, err
	}
	kinds, err := rows.ColumnTypes()
	if err != nil {
		return Rows{}, err
	}
	out := Rows{Columns: names}
	for _, kind := range kinds {
		out.Types = append(out.Types, kind.DatabaseTypeName())
	}
	return out, nil
}

func pointers(row []any) []any {
	out := make([]any, len(row))
	for i := range row {
		out[i] = &row[i]
	}
	return out
}

// Text writes a value that a query returned: null as "null", instants in UTC, midnight instants of
// dates as days, floats in the shortest form that reads back the same.
func Text(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case time.Time:
		v = v.UTC()
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly)
		}
		return v.Format("2006-01-02 15:04:05.999999Z")
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}
