// Package store is the API's way into Postgres: it migrates the schema, opens the transactions
// in which row-level security lets a user see what is theirs, and holds the typed queries that
// run in them.
//
// Two roles work on the database, and neither owns its tables or bypasses row-level security.
// RoleAPI sees what the settings of its transaction allow: without any, nothing. RoleBatch, for
// the batch, the jobs and publishing, works for all businesses.
//
// The queries are files in sql/serving/queries; sqlc types them in internal/query.
package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Config says how to reach the database.
type Config struct {
	// URL is the address of the database, as libpq reads it. Required.
	URL string
	// Role is the role to work as, RoleAPI or RoleBatch. Required.
	Role string
	// MaxConns bounds the pool. Zero means pgx's default, the greater of 4 and the number of CPUs.
	MaxConns int32
	// MinConns are kept open, also while nobody asks: making a connection takes Postgres longer than most requests, and whoever comes
	// after a quiet time should not wait for it. Zero means none.
	MinConns int32
}

// Store reads and writes the control plane and the published tables. It may be used from many goroutines.
type Store struct {
	pool *pgxpool.Pool
	role string
	// held takes the transaction instead of its commit; nil everywhere but in HoldAsUser and HoldAsMember.
	held *Held
}

// Open connects to a migrated database. Close releases it.
//
// Errors: ErrUnavailable when the database cannot be reached; another one when the role is
// one that row-level security does not bind.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Role != RoleAPI && c.Role != RoleBatch {
		return nil, fmt.Errorf("open store: role %q is neither %s nor %s", c.Role, RoleAPI, RoleBatch)
	}
	config, err := PoolConfig(c.URL, c.Role)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if c.MaxConns > 0 {
		config.MaxConns = c.MaxConns
	}
	config.MinConns = min(c.MinConns, config.MaxConns)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{pool: pool, role: c.Role}
	if err := s.checkRole(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// checkRole makes sure that row-level security binds the connections.
func (s *Store) checkRole(ctx context.Context) error {
	role, err := query.New(s.pool).CurrentRole(ctx)
	if err != nil {
		return fmt.Errorf("check role: %w", Classify(err))
	}
	switch {
	case role.Name != s.role:
		return fmt.Errorf("check role: the connection works as %s, want %s: is a pooler dropping the startup parameter role?", role.Name, s.role)
	case role.Bypasses:
		return fmt.Errorf("check role: %s bypasses row-level security", role.Name)
	case role.Owns:
		return fmt.Errorf("check role: %s owns tables of the schema", role.Name)
	}
	return nil
}

// Close closes the connections, waiting for those in use.
func (s *Store) Close() { s.pool.Close() }

// Pool returns the connections, for what the store has no query for; Close closes them too.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ping returns nil when the database answers, else ErrUnavailable or the context's error.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", Classify(err))
	}
	return nil
}

// setting is one of the settings that the policies read.
type setting struct{ name, value string }

// open begins a transaction with its settings in one round trip.
func (s *Store) open(ctx context.Context, options pgx.TxOptions, settings ...setting) (pgx.Tx, error) {
	var batch pgx.Batch
	batch.BeginTx(options)
	for _, set := range settings {
		batch.Queue(query.Enter, set.name, set.value)
	}
	results := s.pool.SendBatch(ctx, &batch)
	tx := results.Tx()
	if err := results.Close(); err != nil {
		return nil, errors.Join(Classify(err), rollback(ctx, tx))
	}
	return tx, nil
}

// within runs fn in a transaction with the settings, which end with it, and commits unless fn fails.
func (s *Store) within(ctx context.Context, options pgx.TxOptions, fn func(*query.Queries, pgx.Tx) error, settings ...setting) error {
	tx, err := s.open(ctx, options, settings...)
	if err != nil {
		return err
	}
	if err := s.work(ctx, tx, fn); err != nil {
		return err
	}
	if s.held != nil {
		s.held.q, s.held.tx = query.New(tx), tx
		return nil
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", Classify(err))
	}
	return nil
}

// work runs fn in tx, and undoes it when fn fails or panics.
func (s *Store) work(ctx context.Context, tx pgx.Tx, fn func(*query.Queries, pgx.Tx) error) (err error) {
	returned := false
	defer func() {
		if !returned || err != nil {
			err = errors.Join(Classify(err), rollback(ctx, tx))
		}
	}()
	err = fn(query.New(tx), tx)
	returned = true
	return err
}

// rollback gives the connection back also when ctx has ended. That the connection is gone is no news:
// whatever broke it has been reported.
func rollback(ctx context.Context, tx pgx.Tx) error {
	if tx == nil {
		return nil
	}
	err := tx.Rollback(context.WithoutCancel(ctx))
	if errors.Is(err, pgx.ErrTxClosed) || errors.Is(Classify(err), ErrUnavailable) {
		return nil
	}
	return err
}
