package warehouse

import (
	"context"
	"database/sql"
	"fmt"
)

// Query runs whatever text says and streams the rows of its last statement. It is for
// people's own sessions: text of several statements runs all of them. The caller closes the rows.
func (s *Session) Query(ctx context.Context, text string) (*sql.Rows, error) {
	return s.conn.QueryContext(ctx, text)
}

// WriteParquet writes the rows of one SELECT to a Parquet file, in place of an earlier
// one, and returns how many there are. It returns ErrNotSelect for any other text, without having run it.
func (s *Session) WriteParquet(ctx context.Context, query, path string) (int64, error) {
	if _, err := s.parse(ctx, query); err != nil {
		return 0, err
	}
	done, err := s.conn.ExecContext(ctx, copyQuery(query, path))
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", path, err)
	}
	return done.RowsAffected()
}
