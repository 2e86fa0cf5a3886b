package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/demo"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// benchCommand measures.
type benchCommand struct {
	Batch    benchBatchCommand    `cmd:"" help:"The whole batch on made-up KPIs: first run, one new day, nothing new."`
	Live     benchLiveCommand     `cmd:"" help:"Streams of events: many listeners on the real service."`
	Forecast benchForecastCommand `cmd:"" help:"Forecasts against the test part of sets like the competitions'."`
	API      benchAPICommand      `cmd:"" name:"api" help:"The service on made-up published points, beside the bare SQL."`
	Anomaly  benchAnomalyCommand  `cmd:"" help:"The anomaly detector on files of the Numenta Anomaly Benchmark."`

	Sentiment benchSentimentCommand `cmd:"" help:"Scores of headlines, against what people said."`
	Models    benchModelsCommand    `cmd:"" help:"All public sets of forecasts, anomalies and headlines, the references beside: one table."`
}

// benchBatchCommand runs the batch three times and prints what each step took.
type benchBatchCommand struct {
	KPIs int  `name:"kpis" default:"1000" help:"How many daily KPIs, fifty to a business."`
	Days int  `default:"1096" help:"Days of history."`
	Keep bool `help:"Keep the data folder, whose path is printed."`

	Profile string `type:"path" placeholder:"DIR" help:"Write a CPU profile of each run into this folder."`
}

// Help is shown by signalcraft bench batch --help.
func (benchBatchCommand) Help() string {
	return "Works in a temporary folder with a Postgres of its own. Memory is the peak, CPU seconds the sum, of this process and all\nPostgres processes. Between runs Postgres is vacuumed, as it is by itself in a day.\n\nExample: signalcraft bench batch --kpis 1000 --days 1096"
}

// perBusiness is how many KPIs one business of the benchmark has.
const perBusiness = 50

// Run prints one table for each run and one of the totals.
func (c benchBatchCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	if settings.DataDir, err = os.MkdirTemp("", "signalcraft-bench-"); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if err := os.Chmod(settings.DataDir, 0o755); err != nil { // the server's user must enter it
		return err
	}
	if c.Keep {
		fmt.Fprintln(std.out, "data folder", settings.DataDir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(settings.DataDir)) }()
	}
	i, err := settings.open(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	b, err := i.newBatch(nil)
	if err != nil {
		return err
	}
	return benchBatch{c, b, std.out}.run(ctx)
}

type benchBatch struct {
	benchBatchCommand
	*batch
	out io.Writer
}

// phase is one run of the benchmark.
type phase struct {
	name   string
	days   int
	took   time.Duration
	cpu    time.Duration
	memory peak
}

func (b benchBatch) run(ctx context.Context) error {
	if err := b.setUp(ctx); err != nil {
		return err
	}
	phases := []phase{{name: "first run", days: b.Days}, {name: "one new day", days: b.Days + 1}, {name: "nothing new", days: b.Days + 1}}
	for k := range phases {
		if err := b.runPhase(ctx, &phases[k]); err != nil {
			return err
		}
		if err := b.settle(ctx); err != nil {
			return err
		}
	}
	plain, err := b.plainDuckDB(ctx, b.asOf(b.Days+1))
	if err != nil {
		return err
	}
	return errors.Join(b.printPhases(phases), b.printPlain(plain))
}

// asOf is three in the morning after the last of days.
func (b benchBatch) asOf(days int) time.Time {
	start, _ := demo.History()
	return start.AddDate(0, 0, days).Add(3 * time.Hour)
}

func (b benchBatch) runPhase(ctx context.Context, p *phase) error {
	if err := b.writeFiles(p.days); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%s: %s KPIs, %s days\n", p.name, thousands(int64(b.KPIs)), thousands(int64(p.days)))
	shown := newReport(b.out, b.now)
	shown.detail = true
	shown.cpu = func() time.Duration { return b.usedCPU().total() }
	stop, err := b.profile(p.name)
	if err != nil {
		return err
	}
	watch := watchMemory(ctx, b.postmaster())
	started, spent := b.now(), b.usedCPU()
	err = b.execute(ctx, "bench", b.asOf(p.days), shown)
	p.took, p.cpu = b.now().Sub(started), b.usedCPU().total()-spent.total()
	p.memory = watch()
	return errors.Join(err, stop(), shown.print())
}

// profile begins to write the CPU profile of a run, if that was asked for, until the returned function is called.
func (b benchBatch) profile(run string) (stop func() error, err error) {
	if b.Profile == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(filepath.Join(b.Profile, strings.ReplaceAll(run, " ", "-")+".pprof"))
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("write profile: %w", err), file.Close())
	}
	return func() error { pprof.StopCPUProfile(); return file.Close() }, nil
}

// settle does what Postgres does by itself in the hours between two nights, and would
// otherwise do in the midst of the next run: vacuum and analyse what was written.
func (b benchBatch) settle(ctx context.Context) (err error) {
	db, err := store.OpenSQL(b.url(""), "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "vacuum (analyze)"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return nil
}

// setUp makes the businesses, each with one source and fifty KPIs.
func (b benchBatch) setUp(ctx context.Context) error {
	setup := store.Setup{User: store.User{ID: uuid.MustParse(demo.UserID), Email: demo.Email, Name: "Bench"}, PasswordHash: "*"}
	for n := range (b.KPIs + perBusiness - 1) / perBusiness {
		id := benchID("business", n)
		setup.Businesses = append(setup.Businesses, store.Business{ID: id, Name: fmt.Sprintf("Business %d", n), TimeZone: "Europe/Berlin", Currency: "EUR", Country: "DE"})
		spec := kpi.Spec{Time: []string{"day"}, Zone: "Europe/Berlin", Value: "value", Key: []string{"kpi"}}
		for k := n * perBusiness; k < min(b.KPIs, (n+1)*perBusiness); k++ {
			name := "kpi-" + strconv.Itoa(k)
			spec.KPIs = append(spec.KPIs, kpi.Series{Key: []string{name}, KPIID: benchID("kpi", k).String(), NonNegative: true})
			setup.KPIs = append(setup.KPIs, store.KPI{BusinessID: id, ID: benchID("kpi", k), SourceID: benchID("source", n), Name: name, Unit: "orders",
				Aggregation: "sum", Grain: "day", NonNegative: true})
		}
		config, err := fileConfig(benchFile(n), spec)
		if err != nil {
			return err
		}
		setup.Sources = append(setup.Sources, store.Source{BusinessID: id, ID: benchID("source", n), Name: "file", Kind: "file", Config: config})
	}
	_, err := b.data.AddSetup(ctx, setup)
	return err
}

func benchID(kind string, n int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "signalcraft bench %s %d", kind, n))
}

func benchFile(n int) string { return fmt.Sprintf("bench-%d.csv", n) }

// writeFiles writes every business's file with the given days. Values have a level, a
// trend, a weekly and a yearly season and noise; those of earlier days never change.
func (b benchBatch) writeFiles(days int) error {
	inbox, err := b.settings.in("inbox")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(inbox, 0o755); err != nil {
		return fmt.Errorf("make inbox: %w", err)
	}
	for n := range (b.KPIs + perBusiness - 1) / perBusiness {
		if err := b.writeFile(filepath.Join(inbox, benchFile(n)), n, days); err != nil {
			return err
		}
	}
	return nil
}

func (b benchBatch) writeFile(path string, business, days int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write KPI file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	fmt.Fprintln(out, "day,kpi,value")
	start, _ := demo.History()
	for k := business * perBusiness; k < min(b.KPIs, (business+1)*perBusiness); k++ {
		random := rand.New(rand.NewPCG(7, uint64(k)))
		level := 50 + 950*random.Float64()
		for d := range days {
			day := start.AddDate(0, 0, d)
			season := 1 + 0.2*math.Sin(2*math.Pi*float64(d%7)/7) + 0.15*math.Cos(2*math.Pi*float64(d)/365.25)
			value := max(0, level*(1+0.0002*float64(d))*season*(1+0.08*random.NormFloat64()))
			out.WriteString(day.Format(time.DateOnly) + ",kpi-" + strconv.Itoa(k) + "," + strconv.FormatFloat(value, 'f', 2, 64) + "\n")
		}
	}
	return out.Flush()
}

func (b benchBatch) printPhases(phases []phase) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatLower
	writer.AppendHeader(table.Row{"run", "seconds", "share of first", "CPU seconds", "peak MB", "of it postgres"})
	for _, p := range phases {
		writer.AppendRow(table.Row{p.name, fmt.Sprintf("%.2f", p.took.Seconds()), fmt.Sprintf("%.0f %%", 100*p.took.Seconds()/phases[0].took.Seconds()),
			fmt.Sprintf("%.2f", p.cpu.Seconds()),
			(p.memory.process + p.memory.postgres) >> 20, p.memory.postgres >> 20})
	}
	_, err := fmt.Fprintln(b.out, writer.Render())
	return err
}
