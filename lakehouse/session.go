package lakehouse

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// settling is how long the outcome of a commit is asked for when the database failed to tell it.
const settling = 10 * time.Second

// session is one table held for writing: its catalog row is locked in an open
// transaction, so nothing can change the table between reading it and the commit.
// It is the catalog that an Iceberg transaction commits to, once.
type session struct {
	lake     *Lake
	tx       *sql.Tx
	name     string
	location string
	table    *table.Table
}

var _ table.CatalogIO = (*session)(nil)

// write holds table name and calls fn once with it. What fn commits through the
// session's table is durable when write returns nil. Anything else is undone.
func (l *Lake) write(ctx context.Context, name string, fn func(*session) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("hold table %s: %w", name, err)
	}
	defer tx.Rollback()
	location, err := hold(ctx, tx, name)
	if err != nil {
		return err
	}
	s := &session{lake: l, tx: tx, name: name, location: location}
	if s.table, err = l.at(ctx, name, location, s); err != nil {
		return err
	}
	return fn(s)
}

// LoadTable returns the table held.
func (s *session) LoadTable(context.Context, table.Identifier) (*table.Table, error) {
	return s.table, nil
}

// CommitTable writes the table's next metadata to disk, points the catalog at it and
// ends the session. An error other than ErrCommitUnknown means that nothing changed.
func (s *session) CommitTable(ctx context.Context, _ table.Identifier, requirements []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	base := s.table.Metadata()
	for _, r := range requirements {
		if err := r.Validate(base); err != nil {
			return nil, "", fmt.Errorf("commit to table %s, which changed since it was read: %w", s.name, err)
		}
	}
	next, err := table.UpdateTableMetadata(base, updates, s.location)
	if err != nil {
		return nil, "", fmt.Errorf("commit to table %s: %w", s.name, err)
	}
	location, err := s.lake.writeMetadata(next, version(s.location)+1)
	if err != nil {
		return nil, "", fmt.Errorf("commit to table %s: %w", s.name, err)
	}
	if err := s.point(ctx, location); err != nil {
		if !errors.Is(err, ErrCommitUnknown) {
			err = errors.Join(err, s.lake.storage.files.Remove(location))
		}
		return nil, "", err
	}
	s.lake.remember(s.name, location, next)
	return next, location, nil
}

// point moves the catalog row to location and makes that final. When the database
// does not say whether it became final, point waits for the row and looks.
func (s *session) point(ctx context.Context, location string) error {
	if err := move(ctx, s.tx, s.name, s.location, location); err != nil {
		return err
	}
	failure := s.tx.Commit()
	if failure == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	tx, err := s.lake.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("commit to table %s: %w: %w", s.name, ErrCommitUnknown, errors.Join(failure, err))
	}
	defer tx.Rollback()
	current, err := hold(ctx, tx, s.name)
	if err != nil {
		return fmt.Errorf("commit to table %s: %w: %w", s.name, ErrCommitUnknown, errors.Join(failure, err))
	}
	switch current {
	case location:
		return nil
	case s.location:
		return fmt.Errorf("commit to table %s: %w", s.name, failure)
	}
	// Somebody committed meanwhile, on top of this commit or of its base.
	return fmt.Errorf("commit to table %s: %w: %w", s.name, ErrCommitUnknown, failure)
}

// writeMetadata writes a table's metadata as its n-th version and returns where.
func (l *Lake) writeMetadata(metadata table.Metadata, n int) (string, error) {
	places, err := table.LoadLocationProvider(metadata.Location(), metadata.Properties())
	if err != nil {
		return "", fmt.Errorf("place metadata: %w", err)
	}
	location, err := places.NewTableMetadataFileLocation(n)
	if err != nil {
		return "", fmt.Errorf("place metadata: %w", err)
	}
	content, err := json.Marshal(metadata)
	if err != nil {
		return "", fmt.Errorf("encode metadata: %w", err)
	}
	files, ok := l.storage.files.(icebergio.WriteFileIO)
	if !ok {
		return "", errors.New("write metadata: storage cannot be written to")
	}
	if err := files.WriteFile(location, content); err != nil {
		return "", fmt.Errorf("write metadata: %w", err)
	}
	return location, nil
}

// version returns the number that a metadata file's name begins with, 0 when there is none.
func version(location string) int {
	number, _, _ := strings.Cut(path.Base(location), "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}
