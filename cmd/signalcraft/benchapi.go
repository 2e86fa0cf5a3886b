package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// benchAPICommand measures the service.
type benchAPICommand struct {
	Businesses int           `default:"10000" help:"How many businesses, ten KPIs each."`
	Days       int           `default:"100" help:"Days of published points of each KPI; at least 90."`
	Rate       int           `default:"1500" help:"Requests a second of the measurements at a fixed rate."`
	Duration   time.Duration `default:"10s" help:"Length of each measurement."`
	Sustain    time.Duration `placeholder:"DURATION" help:"Hold a mixed load at --rate for this long as well, and print memory as it goes; an hour shows that it stays flat."`
	Keep       bool          `help:"Keep the data folder, whose path is printed."`
	From       string        `type:"path" placeholder:"FOLDER" help:"Use a data folder that an earlier run kept, and the same sizes."`
	Profile    string        `type:"path" placeholder:"FILE" help:"Write a CPU profile of the warm measurement over all businesses."`
}

// Help is shown by signalcraft bench api --help.
func (benchAPICommand) Help() string {
	return "Works in a temporary folder with a Postgres of its own, and serves on a port of this machine. Service, Postgres\nand load generator share the cores. What is asked for is one business's ten KPIs over 90 days.\n\nExamples:\n\n  signalcraft bench api\n  signalcraft bench api --duration 2s --rate 500 --sustain 1h"
}

const (
	benchKPIs  = 10
	benchAsked = 90 // days
	// Each user belongs to a few businesses, as people do.
	benchShare = 5
)

// Run loads the data, serves it and prints the tables.
func (c benchAPICommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	if c.Businesses < benchShare || c.Days < benchAsked || c.Rate < 1 || c.Duration <= 0 || c.Sustain < 0 {
		return fmt.Errorf("--businesses must be at least %d, --days %d, --rate and --duration more than nothing, --sustain not negative", benchShare, benchAsked)
	}
	settings.DataDir = c.From
	if c.From == "" {
		if settings.DataDir, err = os.MkdirTemp("", "signalcraft-bench-"); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
		if err := os.Chmod(settings.DataDir, 0o755); err != nil { // the server's user must enter it
			return err
		}
		if !c.Keep {
			defer func() { err = errors.Join(err, os.RemoveAll(settings.DataDir)) }()
		}
	}
	if c.Keep {
		fmt.Fprintln(std.out, "data folder", settings.DataDir)
	}
	settings.DatabaseURL = "" // never somebody's own
	i, err := settings.open(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	b := &benchAPI{benchAPICommand: c, installation: i, out: std.out}
	if c.From == "" {
		if err := b.load(ctx); err != nil {
			return err
		}
	}
	return b.run(ctx)
}

type benchAPI struct {
	benchAPICommand
	*installation
	out io.Writer

	// businesses and tokens of their owners, by number.
	businesses []string
	tokens     []string
	asOf       time.Time
}

func (b *benchAPI) run(ctx context.Context) (err error) {
	owner, err := b.ownerPool(ctx)
	if err != nil {
		return err
	}
	defer owner.Close()
	if err := owner.QueryRow(ctx, "select as_of from serving.publications where table_name = 'kpi_data'").Scan(&b.asOf); err != nil {
		return fmt.Errorf("read as-of instant: %w", err)
	}
	if err := b.setPasswords(ctx, owner, cheapHash()); err != nil {
		return err
	}
	if err := b.signIn(ctx); err != nil {
		return err
	}
	plain, err := b.measurePlain(ctx)
	if err != nil {
		return err
	}
	results := []benchResult{plain}
	for _, run := range []func(context.Context) ([]benchResult, error){b.measureCold, b.measureWarm} {
		more, err := run(ctx)
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	if err := b.print(results); err != nil {
		return err
	}
	if b.Sustain > 0 {
		if err := b.measureSustained(ctx, owner); err != nil {
			return err
		}
	}
	return b.measureLogin(ctx, owner)
}

// served is a running service.
type served struct {
	address string
	close   func() error
}

// start serves with a cache of some bytes, as the real command does, with its access log in a file.
func (b *benchAPI) start(ctx context.Context, cacheBytes int64, hash auth.HashConfig) (*served, error) {
	data, err := store.Open(ctx, store.Config{URL: b.url(store.RoleAPI), Role: store.RoleAPI, MaxConns: apiConns, MinConns: apiConns})
	if err != nil {
		return nil, err
	}
	secrets, err := b.settings.secretBox()
	if err != nil {
		return nil, err
	}
	accounts, err := auth.New(auth.Config{Store: data, Secrets: secrets, Clock: b.now, Hash: hash})
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.settings.DataDir, "access.log"))
	if err != nil {
		return nil, fmt.Errorf("open access log: %w", err)
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	handler, err := api.New(api.Config{Store: data, Auth: accounts, Logger: logger, Version: version(), Clock: b.now, CacheBytes: cacheBytes,
		Secrets: secrets, Limits: unlimited(), MaxRequests: 4096})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, listener, handler, logger) }()
	return &served{"http://" + listener.Addr().String(), func() error {
		http.DefaultClient.CloseIdleConnections()
		stop()
		err := <-done
		data.Close()
		return errors.Join(err, log.Close())
	}}, nil
}

// unlimited lets everybody ask as often as they like: here the costs are measured.
func unlimited() map[string]api.Limit {
	limits := map[string]api.Limit{}
	for _, name := range api.LimitNames() {
		limits[name] = api.Limit{}
	}
	return limits
}

func (b *benchAPI) ownerPool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := store.PoolConfig(b.url(""), "")
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	return pool, nil
}

// profiled runs fn, with a CPU profile if one was asked for.
func (b *benchAPI) profiled(fn func() error) (err error) {
	if b.Profile == "" {
		return fn()
	}
	file, err := os.Create(b.Profile)
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return fn()
}
