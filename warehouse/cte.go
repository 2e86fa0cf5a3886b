package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
)

// SelectCTE returns the SELECT that gives the rows of one of query's top-level CTEs.
func (s *Session) SelectCTE(ctx context.Context, query, cte string) (string, error) {
	tree, err := s.parse(ctx, query)
	if err != nil {
		return "", err
	}
	outer, err := s.parse(ctx, "select * from "+quoteName(cte))
	if err != nil {
		return "", err
	}
	from, _ := tree["node"].(node)
	into, _ := outer["node"].(node)
	into["cte_map"] = from["cte_map"]
	text, err := json.Marshal(map[string]any{"error": false, "statements": []node{outer}})
	if err != nil {
		return "", fmt.Errorf("select cte %s: %w", cte, err)
	}
	var out string
	if err := s.conn.QueryRowContext(ctx, deserializeSelect, string(text)).Scan(&out); err != nil {
		return "", fmt.Errorf("select cte %s: %w", cte, err)
	}
	return out, nil
}
