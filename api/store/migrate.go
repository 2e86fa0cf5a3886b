package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/signalcraft/signalcraft/sql/serving"
)

const (
	// migrationLock is the advisory lock that keeps two migrations of one database apart.
	migrationLock = 0x5349474e41 // "SIGNA"
	// minVersion is the oldest server that knows all that the migrations use, as server_version_num.
	minVersion = 150000
)

// Migrate brings the database at ownerURL up to the newest schema, each migration in a
// transaction of its own. A database that is up to date is left as it is. Migrations started by
// several processes at once run one after another. The URL's user becomes the owner of what is made; it
// needs the right to create roles the first time. Nil for logger means silence.
//
// Errors: ErrUnavailable when the database cannot be reached.
func Migrate(ctx context.Context, ownerURL string, logger *slog.Logger) (err error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("migrate: read database address: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	held, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrate: connect: %w", Classify(err))
	}
	defer func() { err = errors.Join(err, held.Close()) }() // which ends the session with the pool, and so the lock
	var version int
	if err := held.QueryRowContext(ctx, "select current_setting('server_version_num')::integer").Scan(&version); err != nil {
		return fmt.Errorf("migrate: read server version: %w", Classify(err))
	}
	if version < minVersion {
		return fmt.Errorf("migrate: the server is Postgres %d, which is too old: %d or newer is needed", version/10000, minVersion/10000)
	}
	if _, err := held.ExecContext(ctx, "select pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("migrate: wait for other migrations: %w", Classify(err))
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, serving.Migrations(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate: read migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", Classify(err))
	}
	for _, r := range results {
		logger.InfoContext(ctx, "migrated", "migration", r.Source.Path, "took", r.Duration)
	}
	return nil
}
