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

// recordPublication notes what the table shows from now on. Its rows are counted by what
// the merge did: counting them again would read the whole table every day.
func recordPublication(ctx context.Context, tx pgx.Tx, table Table, snapshot, gained int64, run Run) error {
	const update = `update serving.publications
		set dataset = $2, snapshot = $3, run_id = $4, as_of = $5, published_at = clock_timestamp(), rows = rows + $6
		where table_name = $1`
	if _, err := tx.Exec(ctx, update, table.Name, table.Dataset, snapshot, run.ID, run.AsOf, gained); err != nil {
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

// statement is one step of a merge.
type statement struct {
	what    string
	text    string
	counted *int64
}

// mergeIncoming deletes the window's rows that the mart no longer holds, updates those
// that differ and inserts the new ones. Rows that are equal are not written again. A
// first publication only inserts. The businesses whose rows changed are noted.
func mergeIncoming(ctx context.Context, tx pgx.Tx, run Run, table Table, columns []column, mart dataset.Dataset, window dataset.Window, first bool) (merged, error) {
	var done merged
	names := columnNames(columns)
	for _, name := range table.Key {
		if !slices.Contains(names, name) {
			return done, fmt.Errorf("key column %s is not in mart %s", name, mart.Name)
		}
	}
	var args []any
	inWindow := "true"
	if !window.IsZero() {
		inWindow = fmt.Sprintf("target.%[1]s >= $1 and target.%[1]s < $2", quote(mart.Time))
		args = []any{window.Start, window.End}
	}
	statements := table.statements(names, inWindow, &done)
	if first {
		statements, args = []statement{table.insertAll(names, &done)}, nil
	} else if _, err := tx.Exec(ctx, "analyze pg_temp."+incomingTable); err != nil {
		return done, fmt.Errorf("analyze incoming rows: %w", err)
	}
	for _, s := range statements {
		if err := s.run(ctx, tx, run, table, args, table.ofBusinesses() && !first); err != nil {
			return merged{}, fmt.Errorf("%s: %w", s.what, err)
		}
	}
	if table.ofBusinesses() && first {
		if _, err := tx.Exec(ctx, noteAll, table.Name, run.ID, run.AsOf); err != nil {
			return merged{}, fmt.Errorf("note businesses: %w", err)
		}
	}
	return done, nil
}

// run counts what the statement changes, and notes whose it is if that is asked for.
func (s statement) run(ctx context.Context, tx pgx.Tx, run Run, table Table, args []any, note bool) error {
	if !note {
		tag, err := tx.Exec(ctx, s.text, args...)
		*s.counted = tag.RowsAffected()
		return err
	}
	n := len(args)
	text := fmt.Sprintf(countNoting, s.text, n+1, n+2, n+3)
	return tx.QueryRow(ctx, text, append(args[:n:n], table.Name, run.ID, run.AsOf)...).Scan(s.counted)
}

// countNoting runs a statement that changes rows, notes whose they are and counts them; noteAll notes whose a first publication's are.
const (
	countNoting = `with changed as (%[1]s returning target.business_id), noted as (
		insert into serving.changes (business_id, table_name, run_id, as_of)
		select distinct business_id, $%[2]d::text, $%[3]d::uuid, $%[4]d::timestamptz from changed
		on conflict (business_id, table_name) do update set run_id = excluded.run_id, as_of = excluded.as_of)
		select count(*) from changed`
	noteAll = `insert into serving.changes (business_id, table_name, run_id, as_of)
		select distinct business_id, $1::text, $2::uuid, $3::timestamptz from pg_temp.` + incomingTable + `
		on conflict (business_id, table_name) do update set run_id = excluded.run_id, as_of = excluded.as_of`
)

// ofBusinesses tells whether each row of the table belongs to a business.
func (t Table) ofBusinesses() bool { return slices.Contains(t.Key, "business_id") }

// statements merge rows that lie in the window. Each names the window on the target too,
// so that a day's publication looks at that window and not at the whole table.
func (t Table) statements(names []string, inWindow string, done *merged) []statement {
	var values []string
	for _, name := range names {
		if !slices.Contains(t.Key, name) {
			values = append(values, name)
		}
	}
	target, key := t.identifier().Sanitize(), list(t.Key, "target.%[1]s = incoming.%[1]s", " and ")
	all := []statement{{"delete rows that the mart no longer holds", fmt.Sprintf(
		"delete from %s as target where %s and not exists (select 1 from pg_temp.%s as incoming where %s)", target, inWindow, incomingTable, key), &done.deleted}}
	if len(values) > 0 {
		all = append(all, statement{"update changed rows", fmt.Sprintf(
			"update %s as target set %s from pg_temp.%s as incoming where %s and %s and (%s) is distinct from (%s)", target,
			list(values, "%[1]s = incoming.%[1]s", ", "), incomingTable, inWindow, key, list(values, "target.%s", ", "), list(values, "incoming.%s", ", ")), &done.updated})
	}
	return append(all, statement{"insert new rows", fmt.Sprintf(
		"insert into %s as target (%s) select %[2]s from pg_temp.%[3]s as incoming where not exists (select 1 from %[1]s as target where %[4]s and %[5]s)",
		target, list(names, "%s", ", "), incomingTable, inWindow, key), &done.inserted})
}

// insertAll fills a table that is empty.
func (t Table) insertAll(names []string, done *merged) statement {
	return statement{"insert rows", fmt.Sprintf("insert into %s (%s) select %[2]s from pg_temp.%[3]s",
		t.identifier().Sanitize(), list(names, "%s", ", "), incomingTable), &done.inserted}
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
