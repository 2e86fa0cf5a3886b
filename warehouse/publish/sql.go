package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// incomingTable holds one publication's rows until its transaction ends. COPY cannot
// write to a table under row-level security, a temporary one has none.
const incomingTable = "incoming_publication"

func (t Table) identifier() pgx.Identifier { return pgx.Identifier{"serving", t.Name} }

// lockPublication returns the snapshot that the table shows, 0 for none, and keeps
// other publishers of the table out until the transaction ends.
func lockPublication(ctx context.Context, tx pgx.Tx, table Table) (int64, error) {
	const insert = `insert into serving.publications (table_name, dataset, snapshot, rows)
		values ($1, $2, 0, 0) on conflict (table_name) do nothing`
	if _, err := tx.Exec(ctx, insert, table.Name, table.Dataset); err != nil {
		return 0, fmt.Errorf("lock publication: %w", err)
	}
	var snapshot int64
	const lock = `select snapshot from serving.publications where table_name = $1 for update`
	if err := tx.QueryRow(ctx, lock, table.Name).Scan(&snapshot); err != nil {
		return 0, fmt.Errorf("lock publication: %w", err)
	}
	return snapshot, nil
}

// recordPublication notes what the table shows from now on.
func recordPublication(ctx context.Context, tx pgx.Tx, table Table, snapshot int64, run Run) error {
	count := fmt.Sprintf(`update serving.publications
		set dataset = $2, snapshot = $3, run_id = $4, as_of = $5, published_at = clock_timestamp(),
		    rows = (select count(*) from %s)
		where table_name = $1`, table.identifier().Sanitize())
	if _, err := tx.Exec(ctx, count, table.Name, table.Dataset, snapshot, run.ID, run.AsOf); err != nil {
		return fmt.Errorf("record publication: %w", err)
	}
	return nil
}

// matchColumns pairs the mart's columns with the serving table's types. A mart column
// that the table lacks is an error that names it: the table's migration comes first.
func matchColumns(ctx context.Context, tx pgx.Tx, table Table, mart dataset.Dataset) ([]column, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf("select * from %s limit 0", table.identifier().Sanitize()))
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	oids := map[string]uint32{}
	for _, field := range rows.FieldDescriptions() {
		oids[field.Name] = field.DataTypeOID
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	columns := make([]column, 0, len(mart.Columns))
	for _, c := range mart.Columns {
		oid, ok := oids[c.Name]
		if !ok {
			return nil, fmt.Errorf("serving.%s has no column %s, which mart %s holds: add it in a migration", table.Name, c.Name, mart.Name)
		}
		columns = append(columns, column{name: c.Name, oid: oid})
	}
	return columns, nil
}

func columnNames(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// createIncoming makes the temporary table that the copy fills.
func createIncoming(ctx context.Context, tx pgx.Tx, table Table) (pgx.Identifier, error) {
	incoming := pgx.Identifier{"pg_temp", incomingTable}
	create := fmt.Sprintf("create temporary table %s on commit drop as select * from %s with no data",
		pgx.Identifier{incomingTable}.Sanitize(), table.identifier().Sanitize())
	for _, statement := range []string{"drop table if exists " + incoming.Sanitize(), create} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("create incoming table: %w", err)
		}
	}
	return incoming, nil
}

func copyStatement(table pgx.Identifier, columns []column) string {
	return fmt.Sprintf("copy %s (%s) from stdin with (format binary)", table.Sanitize(), list(columnNames(columns), "%s", ", "))
}

type merged struct{ inserted, updated, deleted int64 }

// mergeIncoming deletes the window's rows that the mart no longer holds, updates those
// that differ and inserts the new ones. Rows that are equal are not written again.
func mergeIncoming(ctx context.Context, tx pgx.Tx, table Table, columns []column, mart dataset.Dataset, window dataset.Window) (merged, error) {
	var done merged
	for _, name := range table.Key {
		if !slices.Contains(columnNames(columns), name) {
			return done, fmt.Errorf("key column %s is not in mart %s", name, mart.Name)
		}
	}
	if _, err := tx.Exec(ctx, "analyze pg_temp."+incomingTable); err != nil {
		return done, fmt.Errorf("analyze incoming rows: %w", err)
	}
	names := columnNames(columns)
	var values []string
	for _, name := range names {
		if !slices.Contains(table.Key, name) {
			values = append(values, name)
		}
	}
	target, key := table.identifier().Sanitize(), list(table.Key, "target.%[1]s = incoming.%[1]s", " and ")
	remove := fmt.Sprintf("delete from %s as target where not exists (select 1 from pg_temp.%s as incoming where %s)", target, incomingTable, key)
	insert := fmt.Sprintf("insert into %s (%s) select %[2]s from pg_temp.%[3]s as incoming where not exists (select 1 from %[1]s as target where %[4]s)",
		target, list(names, "%s", ", "), incomingTable, key)
	var args []any
	if !window.IsZero() {
		remove += fmt.Sprintf(" and target.%[1]s >= $1 and target.%[1]s < $2", quote(mart.Time))
		args = append(args, window.Start, window.End)
	}
	statements := []struct {
		what    string
		text    string
		args    []any
		counted *int64
	}{
		{"delete rows that the mart no longer holds", remove, args, &done.deleted},
		{"update changed rows", updateStatement(target, key, values), nil, &done.updated},
		{"insert new rows", insert, nil, &done.inserted},
	}
	for _, s := range statements {
		if s.text == "" {
			continue
		}
		tag, err := tx.Exec(ctx, s.text, s.args...)
		if err != nil {
			return merged{}, fmt.Errorf("%s: %w", s.what, err)
		}
		*s.counted = tag.RowsAffected()
	}
	return done, nil
}

// updateStatement is empty when every column belongs to the key.
func updateStatement(target, key string, values []string) string {
	if len(values) == 0 {
		return ""
	}
	return fmt.Sprintf("update %s as target set %s from pg_temp.%s as incoming where %s and (%s) is distinct from (%s)", target,
		list(values, "%[1]s = incoming.%[1]s", ", "), incomingTable, key, list(values, "target.%s", ", "), list(values, "incoming.%s", ", "))
}

// list formats each quoted name and joins them.
func list(names []string, format, separator string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf(format, quote(name))
	}
	return strings.Join(parts, separator)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
