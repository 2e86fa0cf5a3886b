package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// The roles that the migrations make. Neither owns tables or bypasses row-level security.
const (
	// RoleAPI serves requests.
	RoleAPI = "signalcraft_api"
	// RoleBatch runs the batch and the jobs, publishes, and owns the tables of River and the Iceberg catalog.
	RoleBatch = "signalcraft_batch"
)

// PoolConfig returns the settings of a pool that works as role on the database at url. When the
// url's user is another, that user takes the role on, and must be its member; the empty role
// leaves the user as it is. Instants are read as UTC.
func PoolConfig(url, role string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read database address: %w", err)
	}
	adapt(config.ConnConfig, role)
	config.AfterConnect = readUTC
	config.MaxConnIdleTime = 5 * time.Minute
	config.MaxConnLifetimeJitter = 10 * time.Minute // those that were made together do not end together
	return config, nil
}

// OpenSQL opens the same as PoolConfig describes through database/sql, for libraries that need that.
func OpenSQL(url, role string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read database address: %w", err)
	}
	adapt(config, role)
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(readUTC)), nil
}

func adapt(config *pgx.ConnConfig, role string) {
	if role != "" && config.User != role {
		config.RuntimeParams["role"] = role
	}
	if role == RoleAPI {
		// No request waits as long; what does is stuck, and would hold a connection.
		config.RuntimeParams["statement_timeout"] = "30s"
		config.RuntimeParams["idle_in_transaction_session_timeout"] = "60s"
	}
	config.RuntimeParams["application_name"] = "signalcraft"
	config.RuntimeParams["timezone"] = "UTC"
}

// readUTC makes instants come back in UTC and not in the machine's zone.
func readUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}
