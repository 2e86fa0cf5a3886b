// Package laketest gives tests an empty lake on a real Postgres and a temporary folder.
package laketest

import (
	"testing"

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
