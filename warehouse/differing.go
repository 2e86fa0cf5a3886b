package warehouse

import (
	"context"
	"fmt"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Differing compares the rows of d in two lists of files and returns the values of a text column, in order, for which they are not the
// same rows as often, and how many values there are on either side. Null counts as "". Column landed_at is not compared.
func (s *Session) Differing(ctx context.Context, d dataset.Dataset, key string, before, after []string) (values []string, all int, err error) {
	rows, err := s.conn.QueryContext(ctx, differing(d, key, before, after))
	if err != nil {
		return nil, 0, fmt.Errorf("compare rows of %s: %w", d.Name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		var differs bool
		if err := rows.Scan(&value, &differs); err != nil {
			return nil, 0, fmt.Errorf("compare rows of %s: %w", d.Name, err)
		}
		if all++; differs {
			values = append(values, value)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("compare rows of %s: %w", d.Name, err)
	}
	return values, all, nil
}
