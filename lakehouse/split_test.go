package lakehouse

import (
	"testing"

	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// TestALargeFileIsListedOnce is inside the package to lower the size from which iceberg-go
// plans a file as several tasks, which is 128 MiB. Listed twice, a file would be read twice.
func TestALargeFileIsListedOnce(t *testing.T) {
	t.Parallel()
	l := openIn(t, storetest.New(t).SQL(t, store.RoleBatch), t.TempDir())
	err := l.write(t.Context(), "raw.kpi_points", func(s *session) error {
		_, _, err := s.CommitTable(t.Context(), nil, nil, []table.Update{table.NewSetPropertiesUpdate(map[string]string{table.ReadSplitTargetSizeKey: "1"})})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * rowGroupRows
	rows := make([]dataset.KPIPointRow, n)
	for i := range rows {
		rows[i] = pointAt(float64(i))
	}
	if _, err := Append(t.Context(), l, dataset.KPIPoints(), Commit{}, rows); err != nil {
		t.Fatal(err)
	}
	p, err := l.plan(t.Context(), "raw.kpi_points", ReadOptions{})
	if err != nil || len(p.tasks) < 2 {
		t.Fatalf("%d tasks, %v, want several for the test to mean anything", len(p.tasks), err)
	}
	files, err := l.Files(t.Context(), "raw.kpi_points", ReadOptions{})
	if err != nil || len(files.Paths) != 1 || files.Rows != n {
		t.Errorf("Files = %d paths, %d rows, %v, want 1 path, %d rows", len(files.Paths), files.Rows, err, n)
	}
	batches, err := l.Scan(t.Context(), "raw.kpi_points", []string{"value"}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	scanned := int64(0)
	for batch, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		scanned += batch.NumRows()
		batch.Release()
	}
	if scanned != n {
		t.Errorf("Scan gave %d rows, want %d", scanned, n)
	}
}
