package lakehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// ErrNoTable is returned when a table does not exist in the lake; Ensure makes it.
var ErrNoTable = errors.New("table does not exist in the lake")

// ErrNoSnapshot is returned when a table does not hold the snapshot asked for; it was
// never made or has expired.
var ErrNoSnapshot = errors.New("table does not hold this snapshot")

// ErrCommitUnknown is returned when the database went away while a commit was being
// made final. The commit may or may not have happened: landing the same unit with the
// same content again is safe.
var ErrCommitUnknown = errors.New("outcome of the commit is unknown")

// Config says where a lake lies.
type Config struct {
	// DB is the Postgres that holds the catalog, in schema lake, connected as a role that may use
	// and create there. The lake does not close it. A commit uses one connection of its pool.
	DB *sql.DB
	// Dir holds the tables: an absolute folder, made if absent, or s3://bucket/prefix.
	Dir string
	// Temp is a local folder for files on their way to S3. Empty means the system's. A lake in a
	// folder stages beside its tables and ignores it.
	Temp string
	// S3 are connection properties of iceberg-go (s3.endpoint, s3.region, s3.access-key-id, s3.secret-access-key).
	// What is not given comes from the environment as in every AWS client.
	S3 map[string]string
	// Logger receives one line for each commit; nil discards.
	Logger *slog.Logger
}

// Lake is a set of Iceberg tables. It is safe for concurrent use, also by several
// processes on the same database and folder.
type Lake struct {
	db      *sql.DB
	storage storage
	logger  *slog.Logger

	mu     sync.Mutex
	loaded map[string]loaded // by table name
}

// loaded is a table's metadata as read from location, which never changes its content.
type loaded struct {
	location string
	metadata table.Metadata
}

// Open opens the lake that cfg describes and makes its folder and catalog tables if
// they are absent. The caller closes it.
func Open(ctx context.Context, cfg Config) (*Lake, error) {
	if cfg.DB == nil {
		return nil, errors.New("open lake: Config.DB is nil")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	store, err := openStorage(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	if err := createCatalog(ctx, cfg.DB); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	return &Lake{db: cfg.DB, storage: store, logger: cfg.Logger, loaded: map[string]loaded{}}, nil
}

// Close releases what the lake holds of its own; the database stays open. Stagings that
// are still open keep their files until they are discarded.
func (l *Lake) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.loaded)
	if closer, ok := l.storage.files.(interface{ Close() error }); ok {
		if err := closer.Close(); err != nil {
			return fmt.Errorf("close lake: %w", err)
		}
	}
	return nil
}

// open returns the table called name as it is now, for reading.
func (l *Lake) open(ctx context.Context, name string) (*table.Table, error) {
	location, err := locate(ctx, l.db, name)
	if err != nil {
		return nil, err
	}
	return l.at(ctx, name, location, nil)
}

// at returns the table called name with the metadata that lies at location. Commits
// of the table go to catalog.
func (l *Lake) at(ctx context.Context, name, location string, catalog table.CatalogIO) (*table.Table, error) {
	l.mu.Lock()
	known, ok := l.loaded[name]
	l.mu.Unlock()
	if ok && known.location == location {
		return table.New(identifier(name), known.metadata, location, l.fileSystem, catalog), nil
	}
	t, err := table.NewFromLocation(ctx, identifier(name), location, l.fileSystem, catalog)
	if err != nil {
		return nil, fmt.Errorf("read metadata of table %s: %w", name, err)
	}
	l.remember(name, location, t.Metadata())
	return t, nil
}

func (l *Lake) remember(name, location string, metadata table.Metadata) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded[name] = loaded{location, metadata}
}

func (l *Lake) fileSystem(context.Context) (icebergio.IO, error) { return l.storage.files, nil }

// identifier splits "raw.kpi_points" as iceberg-go wants it.
func identifier(name string) table.Identifier {
	namespace, rest, _ := strings.Cut(name, ".")
	return table.Identifier{namespace, rest}
}
