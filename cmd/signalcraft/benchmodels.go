package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/backtest"
)

// benchModelsCommand measures every model on the public sets.
type benchModelsCommand struct {
	Data string   `required:"" type:"existingdir" placeholder:"DIR" help:"Folder with the public sets: m1, m3, m4, nn5, tourism, nab and sentiment."`
	Only []string `enum:"forecast,anomaly,sentiment" default:"forecast,anomaly,sentiment" help:"Parts to measure."`
}

// Help is shown by signalcraft bench models --help.
func (benchModelsCommand) Help() string {
	return "Forecasts, anomalies and scores of headlines, with default settings and one setting for all sets, beside what others reach on the\n" +
		"same files. Prints one table in Markdown; a figure that falls short of what is to be reached is marked as missed. Definitions of the\n" +
		"measures and the origin of the references stand in the README of each set.\n\n" +
		"Exit status: 0 measured, whether or not all was reached, 1 a set is missing or cannot be read.\n\nExample: signalcraft bench models --data ../shared/data"
}

// Run prints the table. A part that cannot be measured is an error; the rows of the others are printed.
func (c benchModelsCommand) Run(ctx context.Context, std streams) error {
	var rows []modelsRow
	var failed []error
	var notes []string
	for _, part := range []struct {
		name    string
		measure func(context.Context) ([]modelsRow, string, error)
	}{{"forecast", c.forecasts}, {"anomaly", c.anomalies}, {"sentiment", c.sentiment}} {
		if !slices.Contains(c.Only, part.name) {
			continue
		}
		fmt.Fprintf(std.err, "measuring %s\n", part.name)
		more, note, err := part.measure(ctx)
		rows, failed = append(rows, more...), append(failed, err)
		if note != "" {
			notes = append(notes, note)
		}
	}
	notes = append(notes, fmt.Sprintf("%d cores, %s, %s/%s.", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
	return errors.Join(append(failed, printModels(std.out, rows, notes))...)
}

// modelsRow is one figure of the table.
type modelsRow struct {
	set, measure string
	ours         float64
	digits       int
	references   string
	// more is a second figure that is printed behind ours; empty for none.
	more string
	// least and most are what is to be reached; NaN for none.
	least, most float64
	// reach says it in words; empty: made from the bounds.
	reach string
}

// row returns a row without a figure to reach.
func row(set, measure string, ours float64, digits int, references string) modelsRow {
	return modelsRow{set: set, measure: measure, ours: ours, digits: digits, references: references, least: math.NaN(), most: math.NaN()}
}

// atLeast and atMost return the row with a figure to reach; 0 is none.
func (r modelsRow) atLeast(bound float64) modelsRow {
	if bound != 0 {
		r.least = bound
	}
	return r
}

func (r modelsRow) atMost(bound float64) modelsRow {
	if bound != 0 {
		r.most = bound
	}
	return r
}

// verdict compares what is printed: a figure that rounds to what is to be reached reaches it.
func (r modelsRow) verdict() string {
	scale := math.Pow(10, float64(r.digits))
	ours := math.Round(r.ours*scale) / scale
	switch {
	case math.IsNaN(r.least) && math.IsNaN(r.most):
		return ""
	case ours < r.least || ours > r.most || math.IsNaN(ours):
		return "**missed**"
	}
	return "reached"
}

func (r modelsRow) goal() string {
	switch {
	case r.reach != "":
		return r.reach
	case !math.IsNaN(r.least) && !math.IsNaN(r.most):
		return figure(r.least, 2) + " to " + figure(r.most, 2)
	case !math.IsNaN(r.least):
		return "at least " + figure(r.least, r.digits)
	case !math.IsNaN(r.most):
		return "at most " + figure(r.most, r.digits)
	}
	return ""
}

func printModels(out io.Writer, rows []modelsRow, notes []string) error {
	var b strings.Builder
	b.WriteString("| set | measure | SignalCraft | references | to reach | |\n|---|---|---:|---|---|---|\n")
	last := ""
	for _, r := range rows {
		set := r.set
		if set == last {
			set = ""
		}
		last = r.set
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", set, r.measure, figure(r.ours, r.digits)+r.more, r.references, r.goal(), r.verdict())
	}
	fmt.Fprintf(&b, "\n%s\n", strings.Join(notes, " "))
	_, err := io.WriteString(out, b.String())
	return err
}

// forecasts measures every set by itself, the united ones together, and the speed.
func (c benchModelsCommand) forecasts(ctx context.Context) ([]modelsRow, string, error) {
	var rows []modelsRow
	folders := map[string][]measuredSet{}
	united := unitedReferences()
	references := forecastReferences()
	agree := 0
	for i, ref := range references {
		path := func(part string) string { return filepath.Join(c.Data, ref.folder, ref.file+"-"+part+".csv.gz") }
		m, err := benchForecastCommand{Format: "auto"}.measure(ctx, forecastSet{path("train"), path("test"), ref.horizon, ref.period})
		if err != nil {
			return rows, "", err
		}
		rows = append(rows, ref.rows(m)...)
		if ref.naive2As(m) {
			agree++
		}
		folders[ref.folder] = append(folders[ref.folder], m)
		all, ok := united[ref.folder]
		if last := i+1 == len(references) || references[i+1].folder != ref.folder; ok && last {
			rows = append(rows, all.rows(unite(folders[ref.folder]))...)
		}
	}
	speed, err := forecastSpeed(ctx)
	if err != nil {
		return rows, "", err
	}
	rows = append(rows, row("made-up KPIs of 730 days, 30 ahead", "series a second", speed, 0, "").atLeast(300))
	return rows, fmt.Sprintf("Naive2's sMAPE and MASE agree with the references to the printed digit on %d of %d sets.", agree, len(references)), nil
}

// rows are the figures of the default on one set.
func (ref forecastReference) rows(m measuredSet) []modelsRow {
	ours := m.Rows[0]
	set := fmt.Sprintf("%s, %s series", ref.title, thousands(int64(m.Series)))
	owa := fmt.Sprintf("%s %.3f", ref.best, ref.figures[2])
	if ref.others != "" {
		owa += "; " + ref.others
	}
	both := row(set, "sMAPE / MASE", ours.SMAPE, 3, fmt.Sprintf("%s %.3f / %.3f", ref.best, ref.figures[0], ref.figures[1]))
	both.more = " / " + figure(ours.MASE, 3)
	rows := []modelsRow{row(set, "OWA", ours.OWA, 3, owa).atMost(ref.reach), both}
	if ref.msis > 0 {
		below := row(set, "MSIS, 95 %", ours.MSIS, 3, fmt.Sprintf("ETS %.3f", ref.msis)).atMost(ref.msis)
		below.reach = "below ETS"
		rows = append(rows, below)
	}
	inside := row(set, "inside 95 %", ours.Coverage, 3, "").atLeast(0.93).atMost(0.97)
	return append(rows, inside)
}

// naive2As reports whether the harness's Naive2 agrees with the reference's.
func (ref forecastReference) naive2As(m measuredSet) bool {
	for _, r := range m.Rows {
		if r.Name == backtest.RefNaive2 {
			return figure(r.SMAPE, 3) == figure(ref.naive2[0], 3) && figure(r.MASE, 3) == figure(ref.naive2[1], 3)
		}
	}
	return false
}

// forecastSpeed returns how many KPIs of two years are forecast in a second, choice and
// bounds included: a level, a trend, a weekly season and noise.
func forecastSpeed(ctx context.Context) (float64, error) {
	const count, length, ahead, week = 600, 730, 30, 7
	var train, test strings.Builder
	for k := range count {
		fmt.Fprintf(&train, "kpi%d", k)
		fmt.Fprintf(&test, "kpi%d", k)
		state := uint64(k)*0x9E3779B97F4A7C15 + 1
		for t := range length + ahead {
			state = state*6364136223846793005 + 1442695040888963407
			noise := float64(state>>40)/(1<<24) - 0.5
			value := 100 + float64(k%50)*float64(t)/2000 + 20*math.Sin(2*math.Pi*float64(t%week)/week+float64(k)) + 15*noise
			out := &train
			if t >= length {
				out = &test
			}
			fmt.Fprintf(out, ",%.3f", value)
		}
		train.WriteByte('\n')
		test.WriteByte('\n')
	}
	bench := backtest.Bench{Season: week, Horizon: ahead, Now: time.Now}
	result, err := bench.Run(ctx, backtest.NewReader(strings.NewReader(train.String()), strings.NewReader(test.String()), "made-up KPIs", "made-up KPIs", "ragged", ahead))
	if err != nil {
		return 0, err
	}
	return result.Rows[0].PerSecond, nil
}

// anomalies measures the detector at its own threshold.
func (c benchModelsCommand) anomalies(ctx context.Context) ([]modelsRow, string, error) {
	command := benchAnomalyCommand{Data: filepath.Join(c.Data, "nab", "data"), Windows: filepath.Join(c.Data, "nab", "labels", "combined_windows.json")}
	files, err := command.read()
	if err != nil {
		return nil, "", err
	}
	scores := make([][]float64, len(files))
	for k := range files {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		scores[k] = backtest.DetectNAB(&files[k], anomaly.Threshold)
	}
	var rows []modelsRow
	for _, p := range backtest.NABProfiles() {
		s, err := backtest.ScoreNAB(files, scores, p, anomaly.Threshold)
		if err != nil {
			return rows, "", err
		}
		for _, ref := range anomalyReferences() {
			if ref.profile == p.Name {
				rows = append(rows, row(fmt.Sprintf("NAB, %d files", len(files)), strings.ReplaceAll(p.Name, "_", " "), s.Normalised, 2, ref.others).atLeast(ref.reach))
			}
		}
	}
	return rows, "NAB at one fixed threshold; the references' were chosen on the benchmark itself.", nil
}

// sentiment measures the scorer on every file: of labelled headlines the 5 folds count.
func (c benchModelsCommand) sentiment(ctx context.Context) ([]modelsRow, string, error) {
	var rows []modelsRow
	for _, ref := range sentimentReferences() {
		results, err := measureSentiment(ctx, filepath.Join(c.Data, "sentiment", filepath.FromSlash(ref.file)), ref.format)
		if err != nil {
			return rows, "", err
		}
		ours := results[0]
		set := fmt.Sprintf("%s, %s", ref.title, thousands(int64(ours.Texts)))
		if ref.format == "vader" {
			rows = append(rows, row(set, "r", ours.R, 4, fmt.Sprintf("VADER %.4f", ref.r)).atLeast(ref.reachR))
		}
		rows = append(rows, row(set, "macro F1", ours.MacroF1, 4, fmt.Sprintf("VADER %.4f", ref.macroF1)).atLeast(ref.reachF1))
	}
	return rows, "", nil
}
