package lakehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// The catalog is the layout that Iceberg calls a JDBC or SQL catalog, so that other
// engines can open it. iceberg-go's own catalog/sql is not used to commit, because it
// neither syncs table metadata to disk before it points at it nor holds a table
// against a second writer. These are all the statements there are.
const (
	catalogName = "signalcraft"

	catalogExists = `select to_regclass('lake.iceberg_tables') is not null
		and to_regclass('lake.iceberg_namespace_properties') is not null`
	lockCatalogCreation = `select pg_advisory_xact_lock(hashtextextended('signalcraft lake catalog', 0))`
	createTables        = `create table if not exists lake.iceberg_tables (
		catalog_name varchar not null, table_namespace varchar not null, table_name varchar not null,
		iceberg_type varchar, metadata_location varchar, previous_metadata_location varchar,
		primary key (catalog_name, table_namespace, table_name))`
	createNamespaces = `create table if not exists lake.iceberg_namespace_properties (
		catalog_name varchar not null, namespace varchar not null, property_key varchar not null,
		property_value varchar, primary key (catalog_name, namespace, property_key))`

	listTables = `select table_namespace || '.' || table_name, metadata_location from lake.iceberg_tables
		where catalog_name = $1 and coalesce(iceberg_type, 'TABLE') = 'TABLE' and metadata_location is not null`
	findTable = `select metadata_location from lake.iceberg_tables
		where catalog_name = $1 and table_namespace = $2 and table_name = $3
		and coalesce(iceberg_type, 'TABLE') = 'TABLE' and metadata_location is not null`
	holdTable       = findTable + ` for update`
	insertNamespace = `insert into lake.iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
		values ($1, $2, 'exists', 'true') on conflict do nothing`
	insertTable = `insert into lake.iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		values ($1, $2, $3, 'TABLE', $4) on conflict do nothing`
	moveTable = `update lake.iceberg_tables set metadata_location = $5, previous_metadata_location = $4, iceberg_type = 'TABLE'
		where catalog_name = $1 and table_namespace = $2 and table_name = $3 and metadata_location = $4`

	// A writer that is frozen while it holds a table loses it after this time, and its commit then fails.
	limitHolding = `set local idle_in_transaction_session_timeout = '2min'`
)

// querier is a database or a transaction of it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// createCatalog makes the catalog's tables unless they exist. "If not exists" alone is
// not safe against a second process that creates them at the same moment.
func createCatalog(ctx context.Context, db *sql.DB) error {
	var exists bool
	if err := db.QueryRowContext(ctx, catalogExists).Scan(&exists); err != nil {
		return fmt.Errorf("look for the catalog: %w", err)
	}
	if exists {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("create the catalog: %w", err)
	}
	defer tx.Rollback()
	for _, statement := range []string{lockCatalogCreation, createTables, createNamespaces} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("create the catalog in schema lake: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("create the catalog: %w", err)
	}
	return nil
}

// locate returns where the current metadata of table name lies, or ErrNoTable.
func locate(ctx context.Context, q querier, name string) (string, error) {
	return locateWith(ctx, q, findTable, name)
}

// hold locates table name and keeps every other writer from it until the transaction ends.
func hold(ctx context.Context, tx *sql.Tx, name string) (string, error) {
	if _, err := tx.ExecContext(ctx, limitHolding); err != nil {
		return "", fmt.Errorf("hold table %s: %w", name, err)
	}
	return locateWith(ctx, tx, holdTable, name)
}

func locateWith(ctx context.Context, q querier, query, name string) (string, error) {
	var location string
	id := identifier(name)
	err := q.QueryRowContext(ctx, query, catalogName, id[0], id[1]).Scan(&location)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("table %s: %w", name, ErrNoTable)
	}
	if err != nil {
		return "", fmt.Errorf("look up table %s in the catalog: %w", name, err)
	}
	return location, nil
}

// locations returns where the current metadata of every table lies, by table name.
func locations(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, listTables, catalogName)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, location string
		if err := rows.Scan(&name, &location); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		found[name] = location
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return found, nil
}

// register enters a new table and reports whether it was this call that did.
func register(ctx context.Context, q querier, name, location string) (bool, error) {
	id := identifier(name)
	if _, err := q.ExecContext(ctx, insertNamespace, catalogName, id[0]); err != nil {
		return false, fmt.Errorf("register namespace %s: %w", id[0], err)
	}
	result, err := q.ExecContext(ctx, insertTable, catalogName, id[0], id[1], location)
	if err != nil {
		return false, fmt.Errorf("register table %s: %w", name, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("register table %s: %w", name, err)
	}
	return n == 1, nil
}

// move points table name from its old metadata to its new, or fails when it is not at old.
func move(ctx context.Context, q querier, name, old, new string) error {
	id := identifier(name)
	result, err := q.ExecContext(ctx, moveTable, catalogName, id[0], id[1], old, new)
	if err != nil {
		return fmt.Errorf("point table %s at its new metadata: %w", name, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("point table %s at its new metadata: %w", name, err)
	}
	if n != 1 {
		return fmt.Errorf("point table %s at its new metadata: it has moved from %s", name, old)
	}
	return nil
}
