// Package warehouse is a DuckDB session over the lake: in memory, limited, with lake
// tables mounted as views over their Parquet files.
//
// A session is a place to compute, never a store: it holds nothing that outlives
// Close, and what it writes are files that the lake then commits. Mounted names are
// those of the lake: schema raw holds what pipelines landed, staging, marts and
// anomalies what models made.
package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"

	"github.com/duckdb/duckdb-go/v2"
)

// maxThreads is far above what helps and far below what DuckDB cannot start.
const maxThreads = 1024

// Config limits a session. The zero value is usable.
type Config struct {
	// MemoryLimit is how many bytes DuckDB's buffers may hold; 0 means 1 GiB. Single expressions can pass it: it
	// is a limit for our own models, not a fence around other people's SQL.
	MemoryLimit int64
	// Threads is how many threads a query may use; 0 means one for each processor.
	Threads int
	// TempDir is the folder that larger-than-memory work spills to. Empty means that such work fails instead.
	TempDir string
	// MaxTempSize is how many bytes may be spilled; 0 means 8 GiB.
	MaxTempSize int64
	// KeepOrder keeps rows in the order of the input where a query has no ORDER BY, at some cost in memory.
	KeepOrder bool
	// Logger receives debug lines; nil discards them.
	Logger *slog.Logger
}

// Session is an open DuckDB. It may be used by one goroutine at a time.
type Session struct {
	db     *sql.DB
	conn   *sql.Conn
	logger *slog.Logger
}

// Open starts a session with cfg's limits, reads each setting back and refuses to go on
// when one differs. The caller closes it.
func Open(ctx context.Context, cfg Config) (*Session, error) {
	cfg = cfg.withDefaults()
	if cfg.Threads > maxThreads {
		return nil, fmt.Errorf("open duckdb: Config.Threads is %d, want at most %d", cfg.Threads, maxThreads)
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	s := &Session{db: db, conn: conn, logger: cfg.Logger}
	if err := s.configure(ctx, cfg); err != nil {
		s.Close()
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	return s, nil
}

// Close ends the session and frees its memory and spill files. Later calls fail.
func (s *Session) Close() error {
	s.conn.Close()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close duckdb: %w", err)
	}
	return nil
}

func (cfg Config) withDefaults() Config {
	if cfg.MemoryLimit <= 0 {
		cfg.MemoryLimit = 1 << 30
	}
	if cfg.Threads <= 0 {
		cfg.Threads = runtime.NumCPU()
	}
	if cfg.MaxTempSize <= 0 {
		cfg.MaxTempSize = 8 << 30
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// configure sets the session's options and reads them back.
func (s *Session) configure(ctx context.Context, cfg Config) error {
	options := []struct{ name, literal, want string }{
		{"autoinstall_known_extensions", "false", "false"},
		{"autoload_known_extensions", "false", "false"},
		{"temp_directory", quoteText(cfg.TempDir), cfg.TempDir},
		{"max_temp_directory_size", quoteText(sizeText(cfg.MaxTempSize)), sizeText(cfg.MaxTempSize)},
		{"memory_limit", quoteText(sizeText(cfg.MemoryLimit)), sizeText(cfg.MemoryLimit)},
		{"threads", strconv.Itoa(cfg.Threads), strconv.Itoa(cfg.Threads)},
		{"TimeZone", "'UTC'", "UTC"},
		{"preserve_insertion_order", strconv.FormatBool(cfg.KeepOrder), strconv.FormatBool(cfg.KeepOrder)},
	}
	for _, o := range options {
		if _, err := s.conn.ExecContext(ctx, setOption(o.name, o.literal)); err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	for _, o := range options {
		var got string
		if err := s.conn.QueryRowContext(ctx, readSetting, o.name).Scan(&got); err != nil {
			return fmt.Errorf("read setting %s: %w", o.name, err)
		}
		if !sameSetting(got, o.want) {
			return fmt.Errorf("setting %s is %q, want %q", o.name, got, o.want)
		}
	}
	return nil
}
