package warehouse

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// The fixed wrappers: every statement that the warehouse itself says to DuckDB. Names
// come from datasets and parsed headers and pass through quoteName, literals through
// quoteText. CREATE VIEW and COPY take no parameters, which is why there are literals.

const (
	resultRelation = "run.result"

	readSetting       = `select coalesce(value, '') from duckdb_settings() where name = ?`
	serializeSelect   = `select cast(json_serialize_sql(cast(? as varchar)) as varchar)`
	deserializeSelect = `select json_deserialize_sql(cast(? as json))`
)

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// quoteRelation quotes schema.name.
func quoteRelation(relation string) string {
	schema, name, _ := strings.Cut(relation, ".")
	return quoteName(schema) + "." + quoteName(name)
}

func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quoteName(name)
	}
	return strings.Join(quoted, ", ")
}

func columnNames(d dataset.Dataset) []string {
	names := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		names[i] = c.Name
	}
	return names
}

// quoteInstant is a literal of type kind.
func quoteInstant(at time.Time, kind dataset.Type) string {
	if kind == dataset.Date {
		return "date " + quoteText(at.UTC().Format(time.DateOnly))
	}
	return "timestamptz " + quoteText(at.UTC().Format("2006-01-02 15:04:05.999999+00"))
}

func setOption(name, literal string) string { return fmt.Sprintf("set global %s = %s", name, literal) }

func createSchema(relation string) string {
	schema, _, _ := strings.Cut(relation, ".")
	return "create schema if not exists " + quoteName(schema)
}

func createView(relation, query string) string {
	return fmt.Sprintf("create or replace view %s as\n%s", quoteRelation(relation), query)
}

func dropResult() string { return "drop table if exists " + quoteRelation(resultRelation) }

// createTable makes an empty table with the dataset's columns.
func createTable(d dataset.Dataset) string {
	columns := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		columns[i] = quoteName(c.Name) + " " + c.Type.String()
	}
	return fmt.Sprintf("create or replace table %s (%s)", quoteRelation(d.Name), strings.Join(columns, ", "))
}

// insertRow takes one parameter for each column, cast to the column's type.
func insertRow(d dataset.Dataset) string {
	values := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		values[i] = fmt.Sprintf("cast(? as %s)", c.Type)
	}
	return fmt.Sprintf("insert into %s values (%s)", quoteRelation(d.Name), strings.Join(values, ", "))
}

// selectFiles reads Parquet files by field id, cut to the window on the time column.
func selectFiles(d dataset.Dataset, paths []string, w dataset.Window) string {
	files := make([]string, len(paths))
	for i, path := range paths {
		files[i] = quoteText(path)
	}
	fields := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		fields[i] = fmt.Sprintf("%d: {name: %s, type: %s, default_value: null}", c.ID, quoteText(c.Name), quoteText(c.Type.String()))
	}
	return fmt.Sprintf("select %s\nfrom read_parquet([%s], schema = map {%s})%s",
		quoteNames(columnNames(d)), strings.Join(files, ", "), strings.Join(fields, ", "), whereWindow(d, w))
}

// selectEmpty gives the dataset's columns and no row.
func selectEmpty(d dataset.Dataset) string {
	columns := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		columns[i] = fmt.Sprintf("cast(null as %s) as %s", c.Type, quoteName(c.Name))
	}
	return fmt.Sprintf("select %s\nwhere false", strings.Join(columns, ", "))
}

func whereWindow(d dataset.Dataset, w dataset.Window) string {
	column, ok := d.Column(d.Time)
	if w.IsZero() || !ok {
		return ""
	}
	name := quoteName(column.Name)
	return fmt.Sprintf("\nwhere %s >= %s and %s < %s", name, quoteInstant(w.Start, column.Type), name, quoteInstant(w.End, column.Type))
}

// selectCut is a query's result in the dataset's column order, cut to the window.
func selectCut(d dataset.Dataset, query string, w dataset.Window) string {
	return fmt.Sprintf("select %s\nfrom (\n%s\n) as result%s", quoteNames(columnNames(d)), query, whereWindow(d, w))
}

// createResult holds the query's rows, those of one partition next to each other: copies of single partitions then skip the rest.
func createResult(query string, p dataset.Partition) string {
	order := ""
	if p.Transform != dataset.None {
		order = "\norder by " + partitionStart(p)
	}
	return fmt.Sprintf("create or replace table %s as\n%s%s", quoteRelation(resultRelation), query, order)
}

func countRows(relation string) string { return "select count(*) from " + quoteRelation(relation) }

// duplicates finds rows of the result that break the grain: repeated or null.
func duplicates(grain []string) string {
	nulls := make([]string, len(grain))
	for i, name := range grain {
		nulls[i] = quoteName(name) + " is null"
	}
	names := quoteNames(grain)
	return fmt.Sprintf("select %s, count(*) as row_count\nfrom %s\ngroup by %s\nhaving count(*) > 1 or %s\norder by %s\nlimit 3",
		names, quoteRelation(resultRelation), names, strings.Join(nulls, " or "), names)
}

func selectSamples() string { return selectAll(resultRelation) + " limit 3" }

// partitionsOf gives the start of each partition that the result has rows in.
func partitionsOf(p dataset.Partition) string {
	return fmt.Sprintf("select distinct cast(%s as timestamptz) as starts_at\nfrom %s\norder by starts_at", partitionStart(p), quoteRelation(resultRelation))
}

// partitionStart is the expression of the partition that a row lies in.
func partitionStart(p dataset.Partition) string {
	unit := map[dataset.Transform]string{dataset.Day: "day", dataset.Month: "month", dataset.Year: "year"}[p.Transform]
	return fmt.Sprintf("date_trunc(%s, %s)", quoteText(unit), quoteName(p.Column))
}

// copyPartition writes the result's rows of one partition, sorted, as one Parquet file.
func copyPartition(d dataset.Dataset, w dataset.Window, path string) string {
	d.Time = d.Partition.Column
	ids := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		ids[i] = fmt.Sprintf("%s: %d", quoteName(c.Name), c.ID)
	}
	order := ""
	if len(d.Sort) > 0 {
		order = "\norder by " + quoteNames(d.Sort)
	}
	return fmt.Sprintf("copy (\nselect %s\nfrom %s%s%s\n) to %s (format parquet, compression zstd, field_ids {%s})",
		quoteNames(columnNames(d)), quoteRelation(resultRelation), whereWindow(d, w), order, quoteText(path), strings.Join(ids, ", "))
}

func copyQuery(query, path string) string {
	return fmt.Sprintf("copy (\n%s\n) to %s (format parquet, compression zstd)", query, quoteText(path))
}

func describe(query string) string { return "describe\n" + query }

// bounds gives the least and greatest value of a relation's column.
func bounds(relation, column string) string {
	name := quoteName(column)
	return fmt.Sprintf("select cast(min(%s) as timestamptz), cast(max(%s) as timestamptz) from %s", name, name, quoteRelation(relation))
}

// selectColumns reads some columns of a relation.
func selectColumns(sel Selection, where string) string {
	verb := "select"
	if sel.Distinct {
		verb = "select distinct"
	}
	query := fmt.Sprintf("%s %s\nfrom %s%s", verb, quoteNames(sel.Columns), quoteRelation(sel.Relation), where)
	if len(sel.Order) > 0 {
		query += "\norder by " + quoteNames(sel.Order)
	}
	return query
}

func selectAll(relation string) string { return "select * from " + quoteRelation(relation) }

// differing compares the rows of two lists of files by the values of a key column, as bags: for each value, whether there are as many
// rows on both sides and the same ones, known by the sum of their hashes. What was landed when does not count.
func differing(d dataset.Dataset, key string, before, after []string) string {
	var counted []string
	for _, c := range d.Columns {
		if c.Name != "landed_at" {
			counted = append(counted, c.Name)
		}
	}
	side := func(paths []string) string {
		rows := selectEmpty(d)
		if len(paths) > 0 {
			rows = selectFiles(d, paths, dataset.Window{})
		}
		return fmt.Sprintf("select coalesce(%s, '') as key, count(*) as row_count, sum(hash(%s)) as digest\nfrom (\n%s\n) as side\ngroup by 1",
			quoteName(key), quoteNames(counted), rows)
	}
	return fmt.Sprintf(`select
    coalesce(before.key, after.key),
    before.row_count is distinct from after.row_count or before.digest is distinct from after.digest
from (
%s
) as before
full join (
%s
) as after on before.key = after.key
order by 1`, side(before), side(after))
}

// whereKey is a condition on a key column, to stand behind one on the window or alone.
func whereKey(where, key string, keys []string, except bool) string {
	quoted := make([]string, len(keys))
	for i, k := range keys {
		quoted[i] = quoteText(k)
	}
	in := "in"
	if except {
		in = "not in"
	}
	joined := "\nwhere "
	if where != "" {
		joined = where + " and "
	}
	return fmt.Sprintf("%s%s %s (%s)", joined, quoteName(key), in, strings.Join(quoted, ", "))
}
