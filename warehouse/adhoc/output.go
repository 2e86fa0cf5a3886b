package adhoc

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Format is how a result is written.
type Format string

// The formats.
const (
	// Table is aligned text for people; it shows at most TableRows rows.
	Table Format = "table"
	// CSV is RFC 4180 with a header line. Null is an empty cell. Text that a spreadsheet would run as a formula gets a leading apostrophe.
	CSV Format = "csv"
	// JSON is one array with an object for each row on a line of its own. Numbers that JSON cannot hold are text.
	JSON Format = "json"
	// Parquet is a file; it needs a path.
	Parquet Format = "parquet"
)

// TableRows is how many rows Table shows.
const TableRows = 1000

// ParseFormat returns the format called name.
func ParseFormat(name string) (Format, error) {
	switch f := Format(strings.ToLower(name)); f {
	case Table, CSV, JSON, Parquet:
		return f, nil
	}
	return "", fmt.Errorf("format %q: want table, csv, json or parquet", name)
}

// Run runs one statement and writes its rows to out. Parquet needs RunParquet.
func (s *Session) Run(ctx context.Context, statement string, format Format, out io.Writer) error {
	statement = trim(statement)
	if statement == "" {
		return errors.New("the statement is empty")
	}
	if err := s.prepare(ctx, statement); err != nil {
		return err
	}
	rows, err := s.duck.Query(ctx, statement)
	if err != nil {
		return s.explain(ctx, statement, err)
	}
	defer rows.Close()
	write := map[Format]func(io.Writer, *cursor) error{Table: writeTable, CSV: writeCSV, JSON: writeJSON}[format]
	if write == nil {
		return fmt.Errorf("format %s cannot be written here; give a file", format)
	}
	c, err := newCursor(rows)
	if err != nil {
		return err
	}
	return write(out, c)
}

// RunParquet writes the rows of one SELECT to a Parquet file and returns how many there are.
func (s *Session) RunParquet(ctx context.Context, query, path string) (int64, error) {
	query = trim(query)
	if err := s.prepare(ctx, query); err != nil {
		return 0, err
	}
	n, err := s.duck.WriteParquet(ctx, query, path)
	if err != nil {
		return 0, s.explain(ctx, query, err)
	}
	return n, nil
}

// trim takes blanks and the closing semicolon off a statement.
func trim(statement string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(statement), ";"))
}

// cursor goes over a result's rows.
type cursor struct {
	rows    *sql.Rows
	names   []string
	kinds   []string
	values  []any
	targets []any
}

func newCursor(rows *sql.Rows) (*cursor, error) {
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	c := &cursor{rows: rows, names: names, values: make([]any, len(names)), targets: make([]any, len(names))}
	for i, t := range types {
		c.kinds = append(c.kinds, t.DatabaseTypeName())
		c.targets[i] = &c.values[i]
	}
	return c, nil
}

// next reads the next row into values, plain: nil, bool, numbers and text.
func (c *cursor) next() (bool, error) {
	if !c.rows.Next() {
		return false, c.rows.Err()
	}
	if err := c.rows.Scan(c.targets...); err != nil {
		return false, err
	}
	for i, v := range c.values {
		c.values[i] = plain(v, c.kinds[i])
	}
	return true, nil
}

func writeTable(out io.Writer, c *cursor) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header := make(table.Row, len(c.names))
	for i, name := range c.names {
		header[i] = name
	}
	t.AppendHeader(header)
	shown, more := 0, false
	for {
		ok, err := c.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if more = shown == TableRows; more {
			break
		}
		row := make(table.Row, len(c.values))
		for i, v := range c.values {
			if row[i] = v; v == nil {
				row[i] = "null"
			}
		}
		t.AppendRow(row)
		shown++
	}
	note := fmt.Sprintf("%d rows", shown)
	if shown == 1 {
		note = "1 row"
	}
	if more {
		note = fmt.Sprintf("the first %d rows; formats csv, json and parquet give all", shown)
	}
	_, err := fmt.Fprintf(out, "%s\n%s\n", t.Render(), note)
	return err
}

func writeCSV(out io.Writer, c *cursor) error {
	w := csv.NewWriter(out)
	if err := w.Write(c.names); err != nil {
		return err
	}
	cells := make([]string, len(c.names))
	for {
		ok, err := c.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for i, v := range c.values {
			cells[i] = cell(v)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// cell writes one CSV cell. Text that begins like a formula is made inert; numbers stay numbers.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) {
			return "'" + v
		}
		return v
	}
	return fmt.Sprint(value)
}

func writeJSON(out io.Writer, c *cursor) error {
	names := make([][]byte, len(c.names))
	for i, name := range c.names {
		names[i], _ = json.Marshal(name) // text always encodes
	}
	opening := "[\n{"
	for {
		ok, err := c.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		line := []byte(opening)
		for i, v := range c.values {
			if f, isFloat := v.(float64); isFloat && (math.IsNaN(f) || math.IsInf(f, 0)) {
				v = fmt.Sprint(f)
			}
			encoded, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("column %s: %w", c.names[i], err)
			}
			if i > 0 {
				line = append(line, ", "...)
			}
			line = append(append(append(line, names[i]...), ": "...), encoded...)
		}
		opening = ",\n{"
		if _, err := out.Write(append(line, '}')); err != nil {
			return err
		}
	}
	closing := "\n]\n"
	if opening[0] == '[' {
		closing = "[]\n"
	}
	_, err := io.WriteString(out, closing)
	return err
}
