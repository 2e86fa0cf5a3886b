// Package storetest gives tests a real, migrated Postgres.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/cluster"
	"github.com/signalcraft/signalcraft/sql/serving"
)

// variable names a server to use, by the URL of a superuser's database on it. Without it, Main starts one.
const variable = "SIGNALCRAFT_TEST_DATABASE_URL"

// server is the one that Main found or started, with the template that databases are copied from.
var server struct {
	url      func(database, role string) string
	template func() (string, error)
}

// Main runs a package's tests with a Postgres server: call it, and nothing else, from TestMain. It
// starts a private server unless SIGNALCRAFT_TEST_DATABASE_URL names one, and stops and removes
// it after the tests, also after a panic or a timeout. It does not return.
func Main(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx := context.Background()
	if external := os.Getenv(variable); external != "" {
		server.url = func(database, role string) string { return onExternal(external, database, role) }
	} else {
		dir, err := os.MkdirTemp(roomyMemory(), "signalcraft-test-")
		if err != nil {
			log.Printf("storetest: %v", err)
			return 1
		}
		defer os.RemoveAll(dir)
		c, err := cluster.Start(ctx, cluster.Config{Dir: dir, Ephemeral: true, MaxConnections: 200})
		if err != nil {
			log.Printf("storetest: %v", err)
			return 1
		}
		defer func() {
			if err := c.Close(); err != nil {
				log.Printf("storetest: %v", err)
				code = 1
			}
		}()
		server.url = c.DatabaseURL
	}
	server.template = sync.OnceValues(func() (string, error) { return makeTemplate(ctx) })
	return m.Run()
}

// roomyMemory returns the memory file system when it has room, else "", the temporary folder: making
// a database means making three hundred files, which takes a disk several times as long.
func roomyMemory() string {
	const folder, enoughBytes = "/dev/shm", 2 << 30
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil || stat.Bavail*uint64(stat.Bsize) < enoughBytes {
		return ""
	}
	return folder
}

// onExternal changes database and, as pgx reads it, role of a server's URL.
func onExternal(external, database, role string) string {
	u, err := url.Parse(external)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", variable, err))
	}
	if database != "postgres" {
		u.Path = "/" + database
	}
	if role != "" {
		query := u.Query()
		query.Set("role", role)
		u.RawQuery = query.Encode()
	}
	return u.String()
}

// DB is a fresh, migrated database.
type DB struct{ name string }

// New makes a database for the test, copied from a migrated template, and drops it afterwards.
func New(t testing.TB) *DB {
	t.Helper()
	if server.template == nil {
		t.Fatal("storetest: TestMain of this package does not call storetest.Main")
	}
	template, err := server.template()
	if err != nil {
		t.Fatalf("storetest: make template: %v", err)
	}
	return create(t, " template "+template+" strategy file_copy")
}

// NewEmpty is New without the migrations.
func NewEmpty(t testing.TB) *DB {
	t.Helper()
	if server.url == nil {
		t.Fatal("storetest: TestMain of this package does not call storetest.Main")
	}
	return create(t, "")
}

func create(t testing.TB, options string) *DB {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text()[:16])
	if err := execute(t.Context(), "postgres", "create database "+name+options); err != nil {
		t.Fatalf("storetest: create database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(context.WithoutCancel(t.Context()), "postgres", "drop database "+name+" with (force)"); err != nil {
			t.Errorf("storetest: drop database: %v", err)
		}
	})
	return &DB{name}
}

// URL returns the database's address for a role of package store; the empty role is the owner.
func (db *DB) URL(role string) string { return server.url(db.name, role) }

// Pool opens a pool for a role and closes it after the test.
func (db *DB) Pool(t testing.TB, role string) *pgxpool.Pool {
	t.Helper()
	config, err := store.PoolConfig(db.URL(role), role)
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatalf("storetest: open pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// SQL opens the database through database/sql for a role and closes it after the test.
func (db *DB) SQL(t testing.TB, role string) *sql.DB {
	t.Helper()
	opened, err := store.OpenSQL(db.URL(role), role)
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("storetest: close database: %v", err)
		}
	})
	return opened
}

func execute(ctx context.Context, database, statement string) (err error) {
	conn, err := pgx.Connect(ctx, server.url(database, ""))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// makeTemplate returns the migrated database that others are copied from. Its name holds the
// migrations' hash, so that on a shared server it is made once, by whoever comes first.
func makeTemplate(ctx context.Context) (_ string, err error) {
	sum, err := hashMigrations()
	if err != nil {
		return "", err
	}
	name := "template_" + sum
	conn, err := pgx.Connect(ctx, server.url("postgres", ""))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }() // which gives the lock free
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", name).Scan(&exists); err != nil || exists {
		return name, err
	}
	// It gets its name last: what a killed process leaves half made is not taken for it.
	part := "part_" + strings.ToLower(rand.Text()[:16])
	if _, err := conn.Exec(ctx, "create database "+part); err != nil {
		return "", err
	}
	if err := store.Migrate(ctx, server.url(part, ""), nil); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "alter database "+part+" rename to "+name)
	return name, err
}

func hashMigrations() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(serving.Migrations(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(serving.Migrations(), path)
		fmt.Fprintln(hash, path, len(text))
		hash.Write(text)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)[:8]), err
}
