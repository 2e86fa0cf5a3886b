package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata"
)

// demoCommand shows the whole way of the data on three businesses.
type demoCommand struct {
	Once bool `help:"Exit after the batch instead of serving the API."`
}

// Help is shown by signalcraft demo --help.
func (demoCommand) Help() string {
	return `Creates a café in Lyon, an online shop in Adelaide and a hotel in Toronto with three years
of KPI data, runs the nightly batch as of 2026-10-31 against recorded upstream answers that
are part of the binary, and serves the API with workers for what you send. Running it again
adds nothing.

Examples:

  signalcraft demo
  signalcraft demo --once --data-dir /tmp/demo`
}

// Run sets up, runs the batch, prints what it did and serves.
func (c demoCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	settings.GeonamesUser = "demo"
	i, err := settings.open(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	if err := i.setUpDemo(ctx); err != nil {
		return err
	}
	upstreams, stop, err := settings.replayed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	b, err := i.newBatch(upstreams)
	if err != nil {
		return err
	}
	shown := newReport(std.out, i.now)
	fmt.Fprintf(std.out, "Nightly batch as of %s for three businesses\n\n", demo.AsOf().Format(time.RFC3339))
	if err := errors.Join(b.byHand(ctx, "nightly", demo.AsOf(), shown), shown.print()); err != nil {
		return err
	}
	if c.Once {
		return nil
	}
	return i.serveDemo(ctx, b, std.out)
}

// serveDemo serves what the batch made, with workers for what people send: uploads, sources and what follows from them. Nothing runs by
// its schedule: the recorded answers are of one day, and the demonstration stays what it shows.
func (i *installation) serveDemo(ctx context.Context, b *batch, out io.Writer) error {
	// What comes now is newer than the demonstration's day also where the machine's clock is behind that.
	ahead := max(0, demo.AsOf().Sub(i.now()))
	clock := i.now
	i.now = func() time.Time { return clock().Add(ahead) }
	unscheduled := b.jobs()
	for k := range unscheduled {
		unscheduled[k].Schedule = ""
	}
	runner, err := jobs.New(jobs.Config{Pool: i.pool, Jobs: unscheduled, Workers: i.settings.Workers, Logger: i.logger, Now: i.now})
	if err != nil {
		return err
	}
	if i.jobs, err = i.newAPIJobs(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := i.mailBy(ctx, group); err != nil {
		return err
	}
	group.Go(func() error { return runner.Run(ctx) })
	group.Go(func() error { return i.serve(ctx, out, i.settings.Listen, greet) })
	return group.Wait()
}

// setUpDemo adds what is missing of the demonstration's user, businesses and KPI files.
func (i *installation) setUpDemo(ctx context.Context) error {
	hasher, err := auth.NewHasher(auth.HashConfig{})
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, demo.Password)
	if err != nil {
		return err
	}
	setup := store.Setup{User: store.User{ID: uuid.MustParse(demo.UserID), Email: demo.Email, Name: "Demo"}, PasswordHash: hash}
	_, end := demo.History()
	for _, b := range demo.Businesses() {
		if err := i.addDemo(&setup, b, end); err != nil {
			return fmt.Errorf("set up %s: %w", b.Row.Name, err)
		}
	}
	_, err = i.data.AddSetup(ctx, setup)
	return err
}

// addDemo adds a business to the setup and writes its files to the inbox.
func (i *installation) addDemo(setup *store.Setup, b demo.Business, end time.Time) error {
	id, err := uuid.Parse(b.Row.BusinessID)
	if err != nil {
		return err
	}
	setup.Businesses = append(setup.Businesses, store.Business{ID: id, Name: b.Row.Name, Industry: b.Industry, TimeZone: b.Row.TimeZone,
		Currency: b.Row.Currency, Country: b.Row.Country, Place: b.Row.Place, NewsQuery: b.Row.NewsQuery})
	sources := map[string]bool{}
	for _, k := range b.KPIs {
		source := uuid.MustParse(k.Row.SourceID)
		setup.KPIs = append(setup.KPIs, store.KPI{BusinessID: id, ID: uuid.MustParse(k.Row.KPIID), SourceID: source, Name: k.Row.Name,
			Unit: k.Row.Unit, Currency: k.Row.Currency, Aggregation: k.Row.Aggregation, Grain: k.Row.Grain, NonNegative: k.Row.NonNegative})
		if sources[k.Row.Grain] {
			continue
		}
		sources[k.Row.Grain] = true
		name := b.Row.Place + "-" + k.Row.Grain + ".csv"
		if err := i.writeInbox(name, b.CSV(k.Row.Grain, end)); err != nil {
			return err
		}
		config, err := fileConfig(name, b.Spec(k.Row.Grain))
		if err != nil {
			return err
		}
		setup.Sources = append(setup.Sources, store.Source{BusinessID: id, ID: source, Name: name, Kind: "file", Config: config})
	}
	return nil
}

func (i *installation) writeInbox(name string, body []byte) error {
	path, err := i.settings.in("inbox", name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make inbox: %w", err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		return fmt.Errorf("write KPI file: %w", err)
	}
	return nil
}

// replayed serves the demonstration's upstream answers on the loopback address and
// returns the upstreams that ask there, without the pauses that real ones want.
func (s *Settings) replayed() ([]fetch.Upstream, func() error, error) {
	handler, err := replay.Open(testdata.Upstream())
	if err != nil {
		return nil, nil, fmt.Errorf("open recorded answers: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("serve recorded answers: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	upstreams := s.upstreams()
	for k := range upstreams {
		host, err := hostOf(upstreams[k].BaseURL)
		if err != nil {
			return nil, nil, errors.Join(err, server.Close())
		}
		upstreams[k].MinInterval = 0
		upstreams[k].BaseURL = replay.BaseURL("http://"+listener.Addr().String(), host)
	}
	return upstreams, server.Close, nil
}

// greet prints where to look: address, login and three commands that work.
func greet(out io.Writer, address string) error {
	business := demo.Businesses()[0]
	_, err := fmt.Fprintf(out, `
API            http://%[1]s
Documentation  http://%[1]s/docs
Login          %[2]s / %[3]s

  TOKEN=$(curl -s http://%[1]s/auth/login -H 'content-type: application/json' -d '{"email":"%[2]s","password":"%[3]s"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s "http://%[1]s/dashboard/metrics/%[4]s?from=2026-10-24" -H "authorization: Bearer $TOKEN"
  curl -s "http://%[1]s/dashboard/forecasts/%[4]s" -H "authorization: Bearer $TOKEN"

Press Ctrl-C to stop.
`, address, demo.Email, demo.Password, business.Row.BusinessID)
	return err
}
