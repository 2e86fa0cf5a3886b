package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// ErrNotSelect is returned for text that is not exactly one SELECT: several statements, or
// one that DuckDB does not count as a query. Nothing of the text has been executed.
var ErrNotSelect = errors.New("want exactly one SELECT")

// Query is what DuckDB's parser sees in one SELECT.
type Query struct {
	// Relations are the tables and views read, sorted; CTEs are left out. A name without a schema has no dot.
	Relations []string
	// Functions are the scalar, aggregate and table functions called, lower case, sorted.
	Functions []string
}

// node is a part of DuckDB's syntax tree, as json_serialize_sql writes it.
type node = map[string]any

// Inspect parses query without executing anything. It returns ErrNotSelect for
// anything but one SELECT, and DuckDB's message for broken syntax.
func (s *Session) Inspect(ctx context.Context, query string) (Query, error) {
	tree, err := s.parse(ctx, query)
	if err != nil {
		return Query{}, err
	}
	seen := walker{relations: map[string]bool{}, functions: map[string]bool{}}
	seen.walk(tree, nil)
	return Query{Relations: sorted(seen.relations), Functions: sorted(seen.functions)}, nil
}

// parse returns the syntax tree of one SELECT.
func (s *Session) parse(ctx context.Context, query string) (node, error) {
	var text string
	if err := s.conn.QueryRowContext(ctx, serializeSelect, query).Scan(&text); err != nil {
		return nil, fmt.Errorf("parse query: %w", err)
	}
	var answer struct {
		Error      bool   `json:"error"`
		Kind       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []node `json:"statements"`
	}
	reader := json.NewDecoder(strings.NewReader(text))
	reader.UseNumber() // locations in the tree exceed a float's exact integers
	if err := reader.Decode(&answer); err != nil {
		return nil, fmt.Errorf("parse query: read syntax tree: %w", err)
	}
	if answer.Error && answer.Kind == "not implemented" {
		return nil, fmt.Errorf("parse query: %w: %s", ErrNotSelect, answer.Message)
	}
	if answer.Error {
		return nil, fmt.Errorf("parse query: %s", answer.Message)
	}
	if len(answer.Statements) != 1 {
		return nil, fmt.Errorf("parse query: %w, got %d statements", ErrNotSelect, len(answer.Statements))
	}
	return answer.Statements[0], nil
}

type walker struct {
	relations map[string]bool
	functions map[string]bool
}

// walk visits the tree with the names of the CTEs that are in reach.
func (w walker) walk(value any, ctes []string) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			w.walk(item, ctes)
		}
	case node:
		ctes = w.enter(v, ctes)
		for _, item := range v {
			w.walk(item, ctes)
		}
	}
}

// enter records what one node names and returns the CTEs in reach below it.
func (w walker) enter(n node, ctes []string) []string {
	if cteMap, ok := n["cte_map"].(node); ok {
		entries, _ := cteMap["map"].([]any)
		for _, e := range entries {
			if entry, ok := e.(node); ok {
				ctes = append(slices.Clone(ctes), strings.ToLower(word(entry, "key")))
			}
		}
	}
	if n["type"] == "BASE_TABLE" {
		schema, table := word(n, "schema_name"), word(n, "table_name")
		if schema != "" {
			w.relations[schema+"."+table] = true
		} else if !slices.Contains(ctes, strings.ToLower(table)) {
			w.relations[table] = true
		}
	}
	if name := functionName(n); name != "" {
		w.functions[strings.ToLower(name)] = true
	}
	return ctes
}

// functionName returns what a node calls. The words that SQL calls without parentheses stand in the tree as columns.
func functionName(n node) string {
	if n["type"] != "COLUMN_REF" {
		return word(n, "function_name")
	}
	names, _ := n["column_names"].([]any)
	if len(names) != 1 {
		return ""
	}
	name, _ := names[0].(string)
	switch strings.ToLower(name) {
	case "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp":
		return name
	}
	return ""
}

func word(n node, key string) string {
	text, _ := n[key].(string)
	return text
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Describe returns the columns of query's result in order, without running it. Types that
// the lake does not hold are an error that names the column.
func (s *Session) Describe(ctx context.Context, query string) ([]dataset.Column, error) {
	rows, err := s.conn.QueryContext(ctx, describe(query))
	if err != nil {
		return nil, fmt.Errorf("describe query: %w", err)
	}
	defer rows.Close()
	var columns []dataset.Column
	for rows.Next() {
		var name, kind string
		var null, key, fallback, extra any
		if err := rows.Scan(&name, &kind, &null, &key, &fallback, &extra); err != nil {
			return nil, fmt.Errorf("describe query: %w", err)
		}
		t, err := dataset.ParseType(kind)
		if err != nil {
			return nil, fmt.Errorf("describe query: column %s: %w", name, err)
		}
		columns = append(columns, dataset.Column{Name: name, Type: t})
	}
	return columns, rows.Err()
}
