package publish_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse/graph"
	"github.com/signalcraft/signalcraft/warehouse/publish"
)

// fitting lists the Postgres types that a lake column may be published as.
var fitting = map[dataset.Type][]uint32{
	dataset.Bool: {pgtype.BoolOID}, dataset.Int32: {pgtype.Int4OID, pgtype.Int8OID}, dataset.Int64: {pgtype.Int8OID, pgtype.Int4OID},
	dataset.Float64: {pgtype.Float8OID}, dataset.String: {pgtype.TextOID, pgtype.UUIDOID}, dataset.Date: {pgtype.DateOID}, dataset.Timestamp: {pgtype.TimestamptzOID},
}

// TestServingTablesMirrorTheirMarts holds every published table against the header of its
// mart: same columns, fitting types, and the mart's grain as primary key.
func TestServingTablesMirrorTheirMarts(t *testing.T) {
	loaded, err := graph.Load(models.Files())
	if err != nil {
		t.Fatal(err)
	}
	marts := map[string]dataset.Dataset{}
	for _, d := range slices.Concat(dataset.Raw(), dataset.Made()) {
		marts[d.Name] = d
	}
	for _, m := range loaded {
		marts[m.Relation] = m.Dataset()
	}
	pool := storetest.New(t).Pool(t, store.RoleBatch)
	for _, table := range publish.Tables() {
		mart, ok := marts[table.Dataset]
		if !ok {
			t.Errorf("table %s shows mart %s, which nothing makes", table.Name, table.Dataset)
			continue
		}
		if !slices.Equal(table.Key, mart.Key) {
			t.Errorf("table %s has key %v, its mart %s has grain %v", table.Name, table.Key, mart.Name, mart.Key)
		}
		rows, err := pool.Query(t.Context(), "select * from "+pgx.Identifier{"serving", table.Name}.Sanitize()+" limit 0")
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
		var served []string
		for _, field := range rows.FieldDescriptions() {
			served = append(served, field.Name)
			column, ok := mart.Column(field.Name)
			if !ok {
				t.Errorf("column %s.%s comes from nowhere: mart %s lacks it", table.Name, field.Name, mart.Name)
			} else if !slices.Contains(fitting[column.Type], field.DataTypeOID) {
				t.Errorf("column %s.%s has type oid %d, its mart has %s", table.Name, field.Name, field.DataTypeOID, column.Type)
			}
		}
		for _, column := range mart.Columns {
			if !slices.Contains(served, column.Name) {
				t.Errorf("mart %s has column %s, which table %s lacks", mart.Name, column.Name, table.Name)
			}
		}
		if key := primaryKey(t, pool, table.Name); !slices.Equal(key, table.Key) {
			t.Errorf("table %s has primary key %v, want %v", table.Name, key, table.Key)
		}
	}
}

// primaryKey returns the columns of a serving table's primary key, in order.
func primaryKey(t *testing.T, pool *pgxpool.Pool, table string) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select a.attname::text from pg_index i
		cross join unnest(i.indkey) with ordinality as k (number, place)
		join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
		where i.indrelid = ('serving.' || $1)::regclass and i.indisprimary order by k.place`, table)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return key
}
