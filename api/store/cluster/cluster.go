package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// superuser is the role that initdb creates and that owns everything.
	superuser = "signalcraft"
	// database is the database that URL names.
	database = "signalcraft"
	port     = "5432"
)

// Config says where a cluster lies and how it runs.
type Config struct {
	// Dir is the folder of the cluster, absolute. It is created with its parents.
	Dir string
	// BinDir is the folder of the Postgres programs (initdb, postgres, pg_ctl). Empty means: that
	// of the newest version from 15 on found in PATH and in the places where packages put it.
	BinDir string
	// Logger is told of starts, stops and recoveries. Nil means silence.
	Logger *slog.Logger
	// Ephemeral trades durability for speed and removes everything in Close, or when this process
	// dies. For tests.
	Ephemeral bool
	// MaxConnections is the server's limit of connections. Zero means 50.
	MaxConnections int
	// StartTimeout bounds the wait for a server that starts, recovery after a crash included. Zero means 5 minutes.
	StartTimeout time.Duration
	// StopTimeout bounds the wait for an orderly stop, after which the server is made to stop at
	// once, which loses nothing but costs a recovery. Zero means 1 minute.
	StopTimeout time.Duration
}

// Cluster is a running Postgres server that belongs to this process.
type Cluster struct {
	cfg    Config
	bin    binaries
	place  place
	lock   *lock
	server *server

	stop    sync.Once
	stopErr error
}

// Start starts the cluster in cfg.Dir, creating it the first time, and returns once it answers.
// A cluster that was left by a process that died is stopped first or recovers.
//
// Errors: ErrInUse when another process runs a cluster in the folder, ErrNoPostgres when the
// programs are missing; one that ends with the last lines of the server's log when it does not start.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if !filepath.IsAbs(cfg.Dir) {
		return nil, fmt.Errorf("start postgres: dir %q is not absolute", cfg.Dir)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = 50
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = 5 * time.Minute
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = time.Minute
	}
	c := &Cluster{cfg: cfg}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start postgres in %s: %w", cfg.Dir, err), c.release())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StartTimeout)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(c.cfg.Dir), 0o755); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	if err := os.Mkdir(c.cfg.Dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("create folder: %w", err)
	}
	var err error
	if c.lock, err = acquire(filepath.Join(c.cfg.Dir, "lock")); err != nil {
		return err
	}
	as, err := serverUser()
	if err != nil {
		return err
	}
	if c.place, err = findPlace(ctx, c.cfg.Dir, as, c.cfg.Logger); err != nil {
		return err
	}
	if c.bin, err = findBinaries(ctx, c.cfg.BinDir, c.place.dataVersion()); err != nil {
		return err
	}
	if err := c.stopOrphan(ctx); err != nil {
		return err
	}
	if err := c.create(ctx); err != nil {
		return err
	}
	if c.server, err = c.launch(ctx); err != nil {
		return err
	}
	if err := c.waitReady(ctx); err != nil {
		return errors.Join(err, c.server.halt(c.cfg.StopTimeout))
	}
	c.cfg.Logger.InfoContext(ctx, "postgres started", "dir", c.place.dir, "pid", c.server.pid, "version", c.bin.major)
	return nil
}

// URL returns the address of the cluster's database for a role, in the form that pgx and
// libpq read. The empty role is the owner, a superuser.
func (c *Cluster) URL(role string) string { return c.DatabaseURL(database, role) }

// DatabaseURL is URL for another database of the cluster.
func (c *Cluster) DatabaseURL(name, role string) string {
	if role == "" {
		role = superuser
	}
	query := url.Values{"host": {c.place.socketDir}, "port": {port}}
	return (&url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + name, RawQuery: query.Encode()}).String()
}

// LogFile returns the path of the server's log.
func (c *Cluster) LogFile() string { return c.place.logFile() }

// Done is closed when the server has ended, whether Close or something else ended it.
func (c *Cluster) Done() <-chan struct{} { return c.server.gone }

// Close stops the server, ending its sessions, waits until each of its processes is gone and
// gives the folder free. It may be called more than once and returns the same result.
func (c *Cluster) Close() error {
	c.stop.Do(func() {
		err := c.server.halt(c.cfg.StopTimeout)
		if err != nil {
			err = fmt.Errorf("stop postgres in %s: %w", c.cfg.Dir, err)
		}
		c.cfg.Logger.Info("postgres stopped", "dir", c.place.dir)
		c.stopErr = errors.Join(err, c.release())
	})
	return c.stopErr
}

// release gives up what start acquired apart from the server.
func (c *Cluster) release() error {
	if c.lock == nil {
		return nil
	}
	var err error
	if c.cfg.Ephemeral {
		err = errors.Join(c.place.remove(), os.RemoveAll(c.cfg.Dir))
	} else if c.place.socketDir != "" && filepath.Dir(c.place.socketDir) != c.place.dir {
		_ = os.Remove(c.place.socketDir) // empty now, and made again by the next start
	}
	return errors.Join(err, c.lock.release())
}
