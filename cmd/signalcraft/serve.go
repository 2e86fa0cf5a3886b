package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// upCommand runs scheduler, workers and API in one process.
type upCommand struct{}

// Help is shown by signalcraft up --help.
func (upCommand) Help() string {
	return "Examples:\n\n  signalcraft up\n  signalcraft up --data-dir /var/lib/signalcraft --listen 0.0.0.0:8080\n  DATABASE_URL=postgres://... signalcraft up"
}

// Run works until it is interrupted.
func (upCommand) Run(ctx context.Context, settings *Settings, std streams) error {
	return settings.service(ctx, std, true, true)
}

// serveCommand serves the API only.
type serveCommand struct{}

// Help is shown by signalcraft serve --help.
func (serveCommand) Help() string {
	return "Example: DATABASE_URL=postgres://... signalcraft serve --listen 0.0.0.0:8080\n\nScheduler and workers run elsewhere, as signalcraft worker."
}

// Run works until it is interrupted.
func (serveCommand) Run(ctx context.Context, settings *Settings, std streams) error {
	return settings.service(ctx, std, true, false)
}

// workerCommand runs scheduler and workers only.
type workerCommand struct{}

// Help is shown by signalcraft worker --help.
func (workerCommand) Help() string {
	return "Example: DATABASE_URL=postgres://... signalcraft worker\n\nSeveral workers may run; each job still runs once. They need the same lake: on several\nmachines --lake-dir must be a folder that all of them share."
}

// Run works until it is interrupted.
func (workerCommand) Run(ctx context.Context, settings *Settings, std streams) error {
	return settings.service(ctx, std, false, true)
}

// service opens the installation and runs the API, the workers or both until ctx ends.
func (s *Settings) service(ctx context.Context, std streams, serve, work bool) (err error) {
	logger := s.logger(std.err)
	i, err := s.open(ctx, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	group, ctx := errgroup.WithContext(ctx)
	if err := i.mailBy(ctx, group); err != nil {
		return err
	}
	if work {
		b, err := i.newBatch(nil)
		if err != nil {
			return err
		}
		runner, err := jobs.New(jobs.Config{Pool: i.pool, Jobs: b.jobs(), Workers: s.Workers, Logger: logger, Now: i.now})
		if err != nil {
			return err
		}
		group.Go(func() error { return runner.Run(ctx) })
	}
	if serve {
		if i.jobs, err = i.newAPIJobs(); err != nil {
			return err
		}
		group.Go(func() error { return i.serve(ctx, std.out, s.Listen, nil) })
	}
	return group.Wait()
}

// apiConns are the connections of the API's pool. All stay open: with fewer, the first requests after a quiet time wait for new ones.
const apiConns = 16

// serve listens on address and answers until ctx ends. When it is ready, it says where to
// look on out, by greet unless that is nil.
func (i *installation) serve(ctx context.Context, out io.Writer, address string, greet func(io.Writer, string) error) (err error) {
	data, err := store.Open(ctx, store.Config{URL: i.url(store.RoleAPI), Role: store.RoleAPI, MaxConns: apiConns, MinConns: apiConns})
	if err != nil {
		return err
	}
	defer data.Close()
	secrets, err := i.settings.secretBox()
	if err != nil {
		return err
	}
	files, err := i.newUploads()
	if err != nil {
		return err
	}
	accounts, err := auth.New(auth.Config{Store: data, Clock: i.now, Secrets: secrets, Mails: i.settings.site()})
	if err != nil {
		return err
	}
	sources, err := i.sourceService()
	if err != nil {
		return err
	}
	config, err := i.settings.api()
	if err != nil {
		return err
	}
	config.Store, config.Auth, config.Logger, config.Version, config.Clock = data, accounts, i.logger, version(), i.now
	config.Secrets = secrets
	config.Sources, config.Jobs, config.Uploads = sources, i.jobs, files
	handler, err := api.New(config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w: choose another address with --listen", err)
	}
	if greet == nil {
		greet = whereToLook
	}
	if err := greet(out, listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return api.Serve(ctx, listener, handler, i.logger)
}

// api returns what the settings say of the service.
func (s *Settings) api() (api.Config, error) {
	limits, err := api.ParseLimits(s.RateLimits)
	if err != nil {
		return api.Config{}, fmt.Errorf("--rate-limits: %w", err)
	}
	kept := int64(s.CacheMB) << 20
	if kept == 0 {
		kept = -1
	}
	return api.Config{Site: s.site(), OperatorMFA: s.OperatorMFA, CacheBytes: kept, Limits: limits, LimitsInMemory: s.LimitsInMemory,
		TrustedProxies: s.TrustedProxies, ForwardedHeader: s.ForwardedHeader, AllowedOrigins: s.AllowedOrigins, HSTS: s.HSTS, MaxRequests: s.MaxRequests}, nil
}

func whereToLook(out io.Writer, address string) error {
	_, err := fmt.Fprintf(out, "API on http://%s, documentation on http://%[1]s/docs\n", address)
	return err
}
