package warehousetest

import (
	"fmt"
	"strings"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// table is one section's text, parsed.
type table struct {
	columns []dataset.Column
	rows    [][]any // text, or nil for null
}

// parseTable reads delimited text with a typed header.
func parseTable(text string) (table, error) {
	var out table
	divider := byte(',')
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if out.columns == nil && strings.Contains(line, "|") {
			divider = '|'
		}
		cells, err := cut(line, divider)
		if err != nil {
			return table{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		if out.columns == nil {
			if out.columns, err = parseColumns(cells); err != nil {
				return table{}, fmt.Errorf("line %d: %w", i+1, err)
			}
			continue
		}
		if len(cells) != len(out.columns) {
			return table{}, fmt.Errorf("line %d: %d cells under %d columns: %q", i+1, len(cells), len(out.columns), line)
		}
		out.rows = append(out.rows, cells)
	}
	if out.columns == nil {
		return table{}, fmt.Errorf("no header line")
	}
	return out, nil
}

func parseColumns(cells []any) ([]dataset.Column, error) {
	columns := make([]dataset.Column, 0, len(cells))
	for _, cell := range cells {
		text, _ := cell.(string)
		name, kind, found := strings.Cut(text, " ")
		if !found {
			return nil, fmt.Errorf("header cell %q: want name and type", text)
		}
		t, err := dataset.ParseType(kind)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		columns = append(columns, dataset.Column{Name: name, Type: t})
	}
	return columns, nil
}

// cut divides a line into cells: nil for null, text for all else.
func cut(line string, divider byte) ([]any, error) {
	var cells []any
	for {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, `"`) {
			part, rest, more := strings.Cut(line, string(divider))
			part = strings.TrimSpace(part)
			switch part {
			case "":
				return nil, fmt.Errorf(`cell %d is empty: write null or ""`, len(cells)+1)
			case "null":
				cells = append(cells, nil)
			default:
				cells = append(cells, part)
			}
			if !more {
				return cells, nil
			}
			line = rest
			continue
		}
		text, rest, closed := strings.Cut(line[1:], `"`)
		rest = strings.TrimSpace(rest)
		if !closed || (rest != "" && rest[0] != divider) {
			return nil, fmt.Errorf("cell %d: a quoted cell must end with a quote before the divider", len(cells)+1)
		}
		cells = append(cells, text)
		if rest == "" {
			return cells, nil
		}
		line = rest[1:]
	}
}
