package lakehouse_test

import (
	"net/url"
	"testing"

	"github.com/apache/iceberg-go"
	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
)

// TestOtherClientsShareTheCatalog opens the lake with iceberg-go's own SQL catalog,
// which stands for Trino and Spark: it reads and writes what the lake reads and writes,
// and neither overwrites the other.
func TestOtherClientsShareTheCatalog(t *testing.T) {
	t.Parallel()
	database, dir := newPlace(t)
	l := laketest.Open(t, database, dir)
	ensure(t, l, dataset.KPIPoints())
	may := day(t, "2024-05-01")
	land(t, l, lakehouse.Commit{Unit: "u", Content: "A"}, point(may, 1))

	address, err := url.Parse(database.URL(store.RoleBatch))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("search_path", "lake")
	address.RawQuery = query.Encode()
	db, err := store.OpenSQL(address.String(), store.RoleBatch)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	catalog, err := icebergsql.NewCatalog("signalcraft", db, icebergsql.Postgres, iceberg.Properties{"warehouse": "file://" + dir})
	if err != nil {
		t.Fatal(err)
	}
	id := table.Identifier{"raw", "kpi_points"}
	theirs, err := catalog.LoadTable(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	read, err := theirs.Scan().ToArrowTable(t.Context())
	if err != nil || read.NumRows() != 1 {
		t.Fatalf("the other client reads %v, %v, want 1 row", read, err)
	}
	land(t, l, lakehouse.Commit{}, point(may, 2))
	if _, err := theirs.AppendTable(t.Context(), read, 1024, nil); err == nil {
		t.Error("the other client's commit on stale metadata was taken")
	}
	if err := theirs.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.AppendTable(t.Context(), read, 1024, nil); err != nil {
		t.Fatal(err)
	}
	if again := land(t, l, lakehouse.Commit{Unit: "u", Content: "A"}, point(may, 1)); !again.NoOp {
		t.Errorf("landing again after the other client's commit = %+v, want NoOp", again)
	}
	if got := values(t, l, lakehouse.ReadOptions{}); len(got) != 3 {
		t.Errorf("the lake reads %v, want three values", got)
	}
}
