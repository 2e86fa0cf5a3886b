package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/cluster"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// installation is what every command stands on: Postgres, migrated, and the lake.
type installation struct {
	settings *Settings
	logger   *slog.Logger
	now      func() time.Time
	// resolver resolves the names of KPI sources; nil means the default one.
	resolver *net.Resolver

	// url returns the address of the database for a role.
	url func(role string) string
	// data works as the batch role, and so does the lake's catalog.
	data *store.Store
	pool *pgxpool.Pool
	lake *lakehouse.Lake
	// jobs are what operators see of the batch; set by whoever serves.
	jobs api.Jobs

	closers []func() error
}

// open starts or connects to Postgres, migrates it and opens the lake. The caller closes.
// A data folder that another process uses is an error.
func (s *Settings) open(ctx context.Context, logger *slog.Logger) (*installation, error) {
	return s.openWith(ctx, logger, nil)
}

// openBeside is open for tools that may work beside a process that uses the data folder:
// they share its Postgres. A tool that came first owns the server, and whoever attached
// to it loses it when the tool ends; what that interrupts, the next run finishes.
func (s *Settings) openBeside(ctx context.Context, logger *slog.Logger) (*installation, error) {
	return s.openWith(ctx, logger, cluster.Attach)
}

// attach connects to a cluster that another process runs; nil means that this is an error.
type attach func(dir string) (url func(role string) string, err error)

func (s *Settings) openWith(ctx context.Context, logger *slog.Logger, inUse attach) (_ *installation, err error) {
	i := &installation{settings: s, logger: logger, now: time.Now}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.Close())
		}
	}()
	if err := i.openPostgres(ctx, inUse); err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx, i.url(""), logger); err != nil {
		return nil, err
	}
	// Every running job holds connections for its own lock and for that of what it works
	// on, beside those it works with.
	i.data, err = store.Open(ctx, store.Config{URL: i.url(store.RoleBatch), Role: store.RoleBatch, MaxConns: int32(4*s.Workers + 6)})
	if err != nil {
		return nil, err
	}
	i.pool = i.data.Pool()
	i.closers = append(i.closers, func() error { i.data.Close(); return nil })
	if err := jobs.Migrate(ctx, i.pool, logger); err != nil {
		return nil, err
	}
	if err := i.openLake(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

// openPostgres starts the private cluster unless the settings name a database.
func (i *installation) openPostgres(ctx context.Context, inUse attach) error {
	if address := i.settings.DatabaseURL; address != "" {
		i.url = func(string) string { return address }
		return nil
	}
	dir, err := i.settings.in("postgres")
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cluster.Config{Dir: dir, BinDir: i.settings.PostgresBin, Logger: i.logger})
	if errors.Is(err, cluster.ErrInUse) && inUse != nil {
		i.url, err = inUse(dir)
		return err
	}
	if errors.Is(err, cluster.ErrInUse) {
		return fmt.Errorf("data folder %s: another signalcraft uses it: stop that one, or choose another with --data-dir: %w", i.settings.DataDir, err)
	}
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	i.url = c.URL
	i.closers = append(i.closers, c.Close)
	return nil
}

func (i *installation) openLake(ctx context.Context) (err error) {
	dir := i.settings.LakeDir
	if dir == "" {
		dir, err = i.settings.in("lake")
	} else {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return fmt.Errorf("folder of the lake: %w", err)
	}
	temp, err := i.temp()
	if err != nil {
		return err
	}
	catalog, err := store.OpenSQL(i.url(store.RoleBatch), store.RoleBatch)
	if err != nil {
		return err
	}
	i.closers = append(i.closers, catalog.Close)
	if i.lake, err = lakehouse.Open(ctx, lakehouse.Config{DB: catalog, Dir: dir, Temp: temp, Logger: i.logger}); err != nil {
		return err
	}
	i.closers = append(i.closers, i.lake.Close)
	return nil
}

// temp makes and returns the folder for spill files and files on their way to S3.
func (i *installation) temp() (string, error) {
	dir, err := i.settings.in("temp")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make temporary folder: %w", err)
	}
	return dir, nil
}

// Close releases everything in the reverse order of opening.
func (i *installation) Close() error {
	var failed []error
	for k := len(i.closers) - 1; k >= 0; k-- {
		failed = append(failed, i.closers[k]())
	}
	i.closers = nil
	return errors.Join(failed...)
}
