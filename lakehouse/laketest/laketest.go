// Package laketest gives tests an empty lake on a real Postgres and a temporary folder.
package laketest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
)

// New opens an empty lake in a fresh database and a temporary folder, and closes it
// after the test. The package's TestMain must call storetest.Main.
func New(t testing.TB) *lakehouse.Lake {
	t.Helper()
	return Open(t, storetest.New(t), t.TempDir())
}

// Open opens the lake in dir whose catalog is in db, so that a test can open one lake
// several times, and closes it after the test.
func Open(t testing.TB, db *storetest.DB, dir string) *lakehouse.Lake {
	t.Helper()
	lake, err := lakehouse.Open(t.Context(), lakehouse.Config{DB: db.SQL(t, store.RoleBatch), Dir: dir})
	if err != nil {
		t.Fatalf("laketest: %v", err)
	}
	t.Cleanup(func() {
		if err := lake.Close(); err != nil {
			t.Errorf("laketest: %v", err)
		}
	})
	return lake
}

// Texts returns the texts of a Parquet file in the lake's folder that contain text, each with where it stands.
func Texts(t testing.TB, path, text string) []string {
	t.Helper()
	reader, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatalf("laketest: %v", err)
	}
	defer reader.Close()
	rows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: 64 << 10}, memory.DefaultAllocator)
	if err != nil {
		t.Fatalf("laketest: %v", err)
	}
	content, err := rows.ReadTable(t.Context())
	if err != nil {
		t.Fatalf("laketest: %v", err)
	}
	defer content.Release()
	var found []string
	for i := range int(content.NumCols()) {
		for _, chunk := range content.Column(i).Data().Chunks() {
			for row := range chunk.Len() {
				if !chunk.IsNull(row) && strings.Contains(chunk.ValueStr(row), text) {
					found = append(found, fmt.Sprintf("%s: %s is %q", path, content.Column(i).Name(), chunk.ValueStr(row)))
				}
			}
		}
	}
	return found
}
