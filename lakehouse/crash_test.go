package lakehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/parquet-go/parquet-go"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// These tests are inside the package because they stop it between two of its steps.

func openIn(t *testing.T, db *sql.DB, dir string) *Lake {
	t.Helper()
	l, err := Open(t.Context(), Config{DB: db, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Ensure(t.Context(), dataset.KPIPoints()); err != nil {
		t.Fatal(err)
	}
	return l
}

func pointAt(value float64) dataset.KPIPointRow {
	at := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	return dataset.KPIPointRow{BusinessID: "b", KPIID: "k", At: at, Value: value, LandedAt: at}
}

// expect checks how many rows are readable and how many Parquet files lie in dir.
func expect(t *testing.T, l *Lake, dir string, rows int64, onDisk int) {
	t.Helper()
	files, err := l.Files(t.Context(), "raw.kpi_points", ReadOptions{})
	if err != nil || files.Rows != rows {
		t.Errorf("%d rows are readable, %v, want %d", files.Rows, err, rows)
	}
	found := 0
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") {
			found++
		}
		return err
	})
	if err != nil || found != onDisk {
		t.Errorf("%d Parquet files on disk, %v, want %d", found, err, onDisk)
	}
}

func appendOne(t *testing.T, l *Lake, value float64, unit string) (Result, error) {
	return Append(t.Context(), l, dataset.KPIPoints(), Commit{Unit: unit, Content: "A"}, []dataset.KPIPointRow{pointAt(value)})
}

func TestACrashBeforeTheCommitLeavesOrphansOnly(t *testing.T) {
	t.Parallel()
	dir, db := t.TempDir(), storetest.New(t)
	l := openIn(t, db.SQL(t, store.RoleBatch), dir)
	if _, err := appendOne(t, l, 1, "u"); err != nil {
		t.Fatal(err)
	}
	s, err := l.Stage(t.Context(), dataset.KPIPoints())
	if err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(s.NewFile(), []dataset.KPIPointRow{pointAt(2)}); err != nil {
		t.Fatal(err)
	}
	files, err := s.inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, openIn(t, db.SQL(t, store.RoleBatch), dir), dir, 1, 2) // died after staging
	if _, err := s.publish(files); err != nil {
		t.Fatal(err)
	}
	expect(t, openIn(t, db.SQL(t, store.RoleBatch), dir), dir, 1, 2) // died after publishing
	died := errors.New("died")
	err = l.write(t.Context(), "raw.kpi_points", func(s *session) error {
		tx := s.table.NewTransaction()
		if err := tx.AddDataFiles(t.Context(), []iceberg.DataFile{files[0].data}, nil); err != nil {
			return err
		}
		return died
	})
	if !errors.Is(err, died) {
		t.Fatal(err)
	}
	next := openIn(t, db.SQL(t, store.RoleBatch), dir)
	expect(t, next, dir, 1, 2) // died before the catalog was moved
	if r, err := appendOne(t, next, 2, "v"); err != nil || r.NoOp {
		t.Errorf("landing after the crash = %+v, %v", r, err)
	}
	expect(t, next, dir, 2, 3)
}

func TestALostWriterCannotCommit(t *testing.T) {
	t.Parallel()
	dir, db := t.TempDir(), storetest.New(t)
	l := openIn(t, db.SQL(t, store.RoleBatch), dir)
	other := openIn(t, db.SQL(t, store.RoleBatch), dir)
	owner := db.SQL(t, "")
	err := l.write(t.Context(), "raw.kpi_points", func(s *session) error {
		var pid int
		if err := s.tx.QueryRowContext(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		if _, err := owner.ExecContext(t.Context(), "select pg_terminate_backend($1, 10000)", pid); err != nil {
			return err
		}
		if _, err := appendOne(t, other, 1, "u"); err != nil { // the table is free again
			return err
		}
		tx := s.table.NewTransaction()
		if err := tx.SetProperties(map[string]string{"lost": "writer"}); err != nil {
			return err
		}
		_, err := tx.Commit(t.Context())
		return err
	})
	if err == nil || errors.Is(err, ErrCommitUnknown) {
		t.Errorf("commit of a writer that lost its connection = %v, want a plain failure", err)
	}
	now, err := l.open(t.Context(), "raw.kpi_points")
	if err != nil || now.Properties()["lost"] != "" {
		t.Errorf("properties after the lost commit = %v, %v", now.Properties(), err)
	}
	expect(t, l, dir, 1, 1)
}

// cutter is a database whose commits say that the connection broke, after or instead of doing their work.
type cutter struct {
	driver.Connector
	cut, do bool
}

func (c *cutter) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &cutConn{conn.(*stdlib.Conn), c}, nil
}

type cutConn struct {
	*stdlib.Conn
	c *cutter
}

func (c *cutConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, options)
	return &cutTx{tx, c.c}, err
}

type cutTx struct {
	driver.Tx
	c *cutter
}

func (x *cutTx) Commit() error {
	if !x.c.cut {
		return x.Tx.Commit()
	}
	x.c.cut = false
	if x.c.do {
		return errors.Join(errors.New("connection reset"), x.Tx.Commit())
	}
	return errors.Join(errors.New("connection reset"), x.Tx.Rollback())
}

func TestACommitWhoseAnswerIsLostIsSettled(t *testing.T) {
	t.Parallel()
	dir, db := t.TempDir(), storetest.New(t)
	config, err := pgx.ParseConfig(db.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Connector: stdlib.GetConnector(*config)}
	cut := sql.OpenDB(c)
	t.Cleanup(func() {
		if err := cut.Close(); err != nil {
			t.Error(err)
		}
	})
	l := openIn(t, cut, dir)
	c.cut, c.do = true, true
	if r, err := appendOne(t, l, 1, "u"); err != nil || r.Rows != 1 {
		t.Errorf("Append whose commit happened = %+v, %v, want success", r, err)
	}
	expect(t, l, dir, 1, 1)
	c.cut, c.do = true, false
	if _, err := appendOne(t, l, 2, "v"); err == nil || errors.Is(err, ErrCommitUnknown) {
		t.Errorf("Append whose commit did not happen = %v, want a plain failure", err)
	}
	expect(t, l, dir, 1, 1)
	if r, err := appendOne(t, l, 2, "v"); err != nil || r.NoOp {
		t.Errorf("Append again = %+v, %v, want success", r, err)
	}
	expect(t, l, dir, 2, 2)
}

// TestACommitOnStaleMetadataIsRefused shows what iceberg-go's requirements do for
// transactions that were prepared before the table was held.
func TestACommitOnStaleMetadataIsRefused(t *testing.T) {
	t.Parallel()
	l := openIn(t, storetest.New(t).SQL(t, store.RoleBatch), t.TempDir())
	if _, err := appendOne(t, l, 1, "u"); err != nil {
		t.Fatal(err)
	}
	err := l.write(t.Context(), "raw.kpi_points", func(s *session) error {
		_, _, err := s.CommitTable(t.Context(), nil, []table.Requirement{table.AssertRefSnapshotID(table.MainBranch, nil)},
			[]table.Update{table.NewSetPropertiesUpdate(map[string]string{"x": "y"})})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "changed since it was read") {
		t.Errorf("commit on stale metadata = %v, want a refusal", err)
	}
}
