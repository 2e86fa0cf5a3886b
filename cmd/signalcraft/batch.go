package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/fxrates"
	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/pipelines/geonames"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
	"github.com/signalcraft/signalcraft/pipelines/openmeteo"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// batch executes jobs: it knows their parts and in which order they run.
type batch struct {
	*installation
	client *fetch.Client
	runner *run.Runner
	desk   *sourceDesk
	// shown is the report of the execution that began last: several only run side by side
	// in a worker, where nobody watches.
	shown atomic.Pointer[report]
}

// newBatch makes a batch that asks the upstreams of the settings, or those given.
func (i *installation) newBatch(upstreams []fetch.Upstream) (*batch, error) {
	if upstreams == nil {
		upstreams = i.settings.upstreams()
	}
	cache, err := i.settings.in("cache")
	if err != nil {
		return nil, err
	}
	client, err := fetch.New(fetch.Config{Upstreams: upstreams, CacheDir: cache, Now: i.now, Logger: i.logger})
	if err != nil {
		return nil, err
	}
	temp, err := i.temp()
	if err != nil {
		return nil, err
	}
	b := &batch{installation: i, client: client}
	if b.desk, err = i.newSourceDesk(); err != nil {
		return nil, err
	}
	b.runner, err = run.New(run.Config{Observe: b.observe, Lake: i.lake, Pool: i.pool, Models: models.Files(), Nodes: run.Nodes(), Now: i.now, Logger: i.logger,
		Session: warehouse.Config{MemoryLimit: int64(i.settings.MemoryMB) << 20, Threads: i.settings.Threads, TempDir: temp}})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// observe shows which model runs.
func (b *batch) observe(e run.Event) {
	shown := b.shown.Load()
	if shown == nil {
		return
	}
	shown.part(e.Step.Name, e.Done)
	if !e.Done {
		shown.say(fmt.Sprintf("%s, %d of %d", e.Step.Name, e.Index, e.Total))
	}
}

// upstreams are the services with the addresses of the settings.
func (s *Settings) upstreams() []fetch.Upstream {
	at := func(u fetch.Upstream, address string) fetch.Upstream { u.BaseURL = address; return u }
	news := at(gdelt.Upstream(), s.GdeltURL)
	news.MinInterval = s.GdeltInterval
	return []fetch.Upstream{
		news,
		at(gdelt.FilesUpstream(), s.GdeltFilesURL),
		at(openmeteo.Forecast(), s.OpenMeteoURL),
		at(openmeteo.Archive(), s.OpenMeteoArchive),
		at(geonames.Upstream(s.GeonamesUser), s.GeonamesURL),
		fxrates.FrankfurterUpstream(s.RatesURL),
	}
}

// The jobs of an installation. Times are UTC.
func (b *batch) jobs() []jobs.Job {
	job := func(name, schedule string, timeout time.Duration, then ...string) jobs.Job {
		return jobs.Job{Name: name, Schedule: schedule, Timeout: timeout, Attempts: 5, Then: then,
			Run: func(ctx context.Context, asOf time.Time) error {
				return b.execute(ctx, name, asOf, newReport(io.Discard, b.now))
			}}
	}
	return []jobs.Job{
		job("load_kpis", "*/15 * * * *", 30*time.Minute, "run_models"),
		job(landUploadsJob, "", 30*time.Minute, refreshJob),
		job(refreshJob, "", 2*time.Hour),
		job("scrape_news", "5 * * * *", 30*time.Minute, "run_models"),
		job("fetch_weather", "20 */6 * * *", 30*time.Minute, "run_models"),
		job("fetch_rates", "30 16 * * *", 30*time.Minute, "run_models"),
		job("run_models", "", time.Hour, "publish"),
		job("run_forecasts", "0 2 * * *", 2*time.Hour, "publish"),
		job("publish", "", time.Hour),
		job("upkeep", "40 3 * * *", 30*time.Minute),
		job("nightly", "", 4*time.Hour),
	}
}

// part is one named piece of a job.
type part struct {
	name string
	work func(context.Context, *execution) (step, error)
}

// execution is one run of one job.
type execution struct {
	id      uuid.UUID
	asOf    time.Time
	shown   *report
	control *control
	// published is true once the execution has published every table.
	published bool
}

// parts returns what a job does, in order.
func (b *batch) parts(job string) []part {
	control := part{"businesses and KPIs", b.landControl}
	kpis, news, tones := part{"KPI files", b.loadKPIs}, part{"news", b.scrapeNews}, part{"tone of news", b.readTones}
	remotes, pushes := part{"KPI sources", b.readSources}, part{"pushed points", b.landPushes}
	places, weather := part{"places", b.findPlaces}, part{"weather", b.fetchWeather}
	rates, holidays := part{"exchange rates", b.fetchRates}, part{"holidays", b.landHolidays}
	models, forecasts := part{"models", b.runModels}, part{"forecasts", b.runForecasts}
	publication, judge := part{"publish", b.publish}, part{"alerts", b.judgeAlerts}
	forget := part{"old accounts and events", b.forget}
	erase, tidy := part{"erasures", b.erase}, part{"old versions and files", b.tidy}
	uploads, stale := part{"uploads", b.landUploads}, part{"old uploads", b.dropUploads}
	return map[string][]part{
		"load_kpis":     {control, kpis, pushes, uploads, stale, remotes},
		landUploadsJob:  {control, uploads, holidays},
		refreshJob:      {models, publication, judge, forecasts, publication, judge}, // metrics first: forecasts take longer
		"scrape_news":   {control, news, tones},
		"fetch_weather": {control, places, control, weather},
		"fetch_rates":   {control, rates, holidays},
		"run_models":    {models},
		"run_forecasts": {forecasts},
		"publish":       {publication, judge},
		"upkeep":        {forget, control, erase, stale, tidy},
		"bench":         {control, kpis, holidays, models, forecasts, publication, judge}, // nightly without the upstreams
		"nightly":       {control, places, control, kpis, remotes, pushes, uploads, stale, weather, rates, holidays, news, tones, models, forecasts, publication, judge, forget, erase, tidy},
	}[job]
}

// execute runs a job as of an instant and records the run. A part that fails does not
// stop the others: models compute on what has landed. The error joins all failures.
func (b *batch) execute(ctx context.Context, job string, asOf time.Time, shown *report) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make run id: %w", err)
	}
	e := &execution{id: id, asOf: asOf, shown: shown}
	b.shown.Store(shown)
	if e.control, err = readControl(ctx, b.data); err != nil {
		return err
	}
	if err := b.data.StartRun(ctx, store.Run{ID: id, Job: job, AsOf: asOf, StartedAt: b.now()}); err != nil {
		return err
	}
	var failed []error
	parts, done := b.parts(job), 0
	for _, p := range parts {
		if ctx.Err() != nil {
			break
		}
		if err := shown.watch(p.name, func() (step, error) { return p.work(ctx, e) }); err != nil {
			failed = append(failed, err)
			continue
		}
		done++
	}
	err = errors.Join(append(failed, ctx.Err())...)
	finish := context.WithoutCancel(ctx)
	return errors.Join(err, b.data.FinishRun(finish, id, b.now(), outcome(ctx, done, len(parts)), problem(err), map[string]any{"steps": shown.steps}))
}

// outcome is how a run ended of whose parts some are done.
func outcome(ctx context.Context, done, parts int) store.Status {
	switch {
	case done == parts:
		return store.Succeeded
	case ctx.Err() != nil:
		return store.Cancelled
	case done == 0:
		return store.Failed
	}
	return store.Partial
}

func problem(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// turn is how often a held lock is tried again.
const turn = 200 * time.Millisecond

// alone runs work while no other process or job holds the named lock; it waits for its turn.
func (b *batch) alone(ctx context.Context, name string, work func(context.Context) error) error {
	return b.turns(ctx, func(ctx context.Context) (bool, error) { return jobs.Exclusive(ctx, b.pool, name, work) })
}

// turns calls try until it says that its turn had come.
func (b *batch) turns(ctx context.Context, try func(context.Context) (bool, error)) error {
	ticker := time.NewTicker(turn)
	defer ticker.Stop()
	for {
		held, err := try(ctx)
		if held || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// land reads one source and lands what it gives. What is new is found by comparing with
// the lake, so a source lands in one process at a time.
func (b *batch) land(ctx context.Context, e *execution, source pipelines.Source, in pipelines.Input) (step, error) {
	runner, err := pipelines.NewRunner(pipelines.RunnerConfig{Lake: b.lake, Now: b.now, Logger: b.logger})
	if err != nil {
		return step{}, err
	}
	in.AsOf = e.asOf
	var landed pipelines.Report
	err = b.inLake(ctx, "land "+source.Name(), func(ctx context.Context) (err error) {
		landed, err = runner.Run(ctx, &present{Source: source, gone: b.data.Gone}, in, e.id.String())
		return err
	})
	return step{RowsIn: int64(landed.RowsIn), RowsOut: int64(landed.RowsOut), Quarantined: int64(landed.Quarantined), Took: landed.Took, outdated: landed.Outdated}, err
}
