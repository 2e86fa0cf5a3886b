package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/models/backtest"
	"github.com/signalcraft/signalcraft/models/forecast"
)

// benchForecastCommand measures the forecasters on sets with a training and a test part.
type benchForecastCommand struct {
	Train   []string `required:"" sep:"none" type:"path" placeholder:"FILE" help:"Training part of a set, CSV, gzipped or not. Repeat for several sets."`
	Test    []string `required:"" sep:"none" type:"path" placeholder:"FILE" help:"Test part of the set, as often as --train."`
	Horizon []int    `required:"" placeholder:"H" help:"Values to forecast: once for all sets, or as often as --train."`
	Period  []int    `required:"" placeholder:"M" help:"Season length in values, 1 for none: once for all sets, or as often as --train."`
	Format  string   `enum:"auto,m4,ragged" default:"auto" help:"m4: a header row, then id and values, padded with empty fields. ragged: id and values. auto tells by the header."`
	Method  []string `sep:"none" placeholder:"NAME" help:"Measure this single method beside the default, and no other. Repeat for several. A wrong name prints all."`
	Methods bool     `negatable:"" default:"true" help:"Without --method: measure every single method beside the default."`
	JSON    bool     `name:"json" help:"Print JSON instead of tables."`
}

// Help is shown by signalcraft bench forecast --help.
func (benchForecastCommand) Help() string {
	return `One row of a file is one series: its id, then its values in time order; NA is a missing value. Both parts hold the
same ids in the same order. Negative forecasts are set to 0.

The first row of a table is the default: methods chosen and combined for each series by their errors inside its training
part. The references of the competitions follow, then single methods, each over the series that it applies to.

sMAPE, MASE, MSIS (95 %), and OWA against Naive2 are those of the M4 competition: 0 is perfect, and an OWA below 1 errs
less than Naive2; a method's OWA is against Naive2 on the series that the method applies to. "in 80 %" and "in 95 %" are the
shares of test values inside the bounds. Several sets are printed one by one, then together: averages over all series.

` + methodNames + ` In names "long" stands for that of a second season which is found in each series.

Examples:

  signalcraft bench forecast --train m3/yearly-train.csv.gz --test m3/yearly-test.csv.gz --horizon 6 --period 1 \
    --train m3/other-train.csv.gz --test m3/other-test.csv.gz --horizon 8 --period 1
  signalcraft bench forecast --train shop-train.csv --test shop-test.csv --horizon 30 --period 7 --method ets --method "standard theta"`
}

// forecastSet is one set of the command line.
type forecastSet struct {
	train, test     string
	horizon, period int
}

// measuredSet is a set with its figures; the union of several has no horizon and no period.
type measuredSet struct {
	backtest.Result
	name            string
	horizon, period int
	peak            int64
}

// Run prints one table for each set, and one for all of them together.
func (c benchForecastCommand) Run(ctx context.Context, std streams) error {
	sets, err := c.sets()
	if err != nil {
		return err
	}
	var measured []measuredSet
	for _, set := range sets {
		m, err := c.measure(ctx, set)
		if err != nil {
			return err
		}
		measured = append(measured, m)
		if !c.JSON {
			m.print(std.out)
		}
	}
	if len(measured) > 1 {
		all := unite(measured)
		measured = append(measured, all)
		if !c.JSON {
			all.print(std.out)
		}
	}
	if c.JSON {
		return writeMeasured(std.out, measured)
	}
	return nil
}

// sets pairs the repeated flags.
func (c benchForecastCommand) sets() ([]forecastSet, error) {
	n := len(c.Train)
	if len(c.Test) != n {
		return nil, fmt.Errorf("bench forecast: %d --train, but %d --test: every set needs both", n, len(c.Test))
	}
	at := func(flag string, values []int, k, lowest, highest int) (int, error) {
		if len(values) != 1 && len(values) != n {
			return 0, fmt.Errorf("bench forecast: %d %s for %d sets: give one for all, or one each", len(values), flag, n)
		}
		v := values[min(k, len(values)-1)]
		if v < lowest || v > highest {
			return 0, fmt.Errorf("bench forecast: %s is %d, want %d to %d", flag, v, lowest, highest)
		}
		return v, nil
	}
	var sets []forecastSet
	for k := range c.Train {
		horizon, errHorizon := at("--horizon", c.Horizon, k, 1, 10_000)
		period, errPeriod := at("--period", c.Period, k, 1, 10_000)
		if err := errors.Join(errHorizon, errPeriod); err != nil {
			return nil, err
		}
		sets = append(sets, forecastSet{c.Train[k], c.Test[k], horizon, period})
	}
	return sets, nil
}

func (c benchForecastCommand) measure(ctx context.Context, set forecastSet) (out measuredSet, err error) {
	train, err := openPlain(set.train)
	if err != nil {
		return out, fmt.Errorf("bench forecast: training part: %w", err)
	}
	defer func() { err = errors.Join(err, train.Close()) }()
	test, err := openPlain(set.test)
	if err != nil {
		return out, fmt.Errorf("bench forecast: test part: %w", err)
	}
	defer func() { err = errors.Join(err, test.Close()) }()
	bench := backtest.Bench{Season: set.period, Horizon: set.horizon, Now: time.Now}
	if bench.Methods = c.Method; c.Methods && len(c.Method) == 0 {
		bench.Methods = forecast.Methods(set.period)
	}
	watch := watchMemory(ctx, "")
	result, err := bench.Run(ctx, backtest.NewReader(train, test, set.train, set.test, backtest.Format(c.Format), set.horizon))
	peak := watch()
	if err != nil {
		return out, fmt.Errorf("bench forecast: %w", err)
	}
	if len(result.LeftOut) == result.Series {
		return out, fmt.Errorf("bench forecast: %s: nothing can be measured on any of its %d series: they need observed test values, and training values that change", set.train, result.Series)
	}
	return measuredSet{result, setName(set.train), set.horizon, set.period, peak.process}, nil
}

// openPlain opens a file and unpacks it if it is gzipped, whatever it is called.
func openPlain(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(file, 1<<16)
	if magic, err := in.Peek(2); err != nil || string(magic) != "\x1f\x8b" {
		return plainFile{in, file}, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unpack %s: %w", path, err), file.Close())
	}
	return plainFile{unpacked, file}, nil
}

// plainFile reads through another reader than the file that it closes.
type plainFile struct {
	io.Reader
	io.Closer
}

// setName is the folder and the file without the endings that training parts have.
func setName(path string) string {
	name := filepath.Base(path)
	for _, ending := range []string{".gz", ".csv", "-train"} {
		name = strings.TrimSuffix(name, ending)
	}
	return filepath.Base(filepath.Dir(path)) + "/" + name
}

// unite returns the figures over all series of all sets.
func unite(sets []measuredSet) measuredSet {
	all := measuredSet{name: "all sets together"}
	var results []backtest.Result
	for _, set := range sets {
		results, all.peak = append(results, set.Result), max(all.peak, set.peak)
	}
	all.Result = backtest.Union(results)
	return all
}

func (m measuredSet) print(out io.Writer) {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatDefault
	title := fmt.Sprintf("%s: %s series", m.name, thousands(int64(m.Series)))
	if m.horizon > 0 {
		title += fmt.Sprintf(", horizon %d, period %d", m.horizon, m.period)
	}
	writer.SetTitle(title)
	writer.AppendHeader(table.Row{"method", "series", "sMAPE", "MASE", "OWA", "MSIS", "in 80 %", "in 95 %", "series/s"})
	figure := func(v float64, digits int) string {
		if math.IsNaN(v) {
			return "–"
		}
		return fmt.Sprintf("%.*f", digits, v)
	}
	for _, r := range m.Rows {
		if r.Series == 0 {
			continue
		}
		writer.AppendRow(table.Row{r.Name, r.Series, figure(r.SMAPE, 3), figure(r.MASE, 3), figure(r.OWA, 3), figure(r.MSIS, 2),
			figure(r.Coverage80, 3), figure(r.Coverage, 3), figure(r.PerSecond, 0)})
	}
	fmt.Fprintln(out, writer.Render())
	if n := len(m.LeftOut); n > 0 {
		fmt.Fprintf(out, "%d series left out, as nothing can be measured on them (no observed test value, or a training part that never changes): %s\n",
			n, strings.Join(m.LeftOut[:min(n, 5)], ", "))
	}
	fmt.Fprintf(out, "peak memory %d MB\n\n", m.peak>>20)
}

// writeMeasured prints the sets as JSON; a figure that does not exist is null.
func writeMeasured(out io.Writer, sets []measuredSet) error {
	type row struct {
		Method     string   `json:"method"`
		Series     int      `json:"series"`
		SMAPE      *float64 `json:"smape"`
		MASE       *float64 `json:"mase"`
		OWA        *float64 `json:"owa"`
		MSIS       *float64 `json:"msis"`
		Coverage80 *float64 `json:"coverage_80"`
		Coverage95 *float64 `json:"coverage_95"`
		PerSecond  *float64 `json:"series_per_second"`
	}
	type set struct {
		Set     string   `json:"set"`
		Series  int      `json:"series"`
		Horizon int      `json:"horizon,omitempty"`
		Period  int      `json:"period,omitempty"`
		LeftOut []string `json:"left_out"`
		Peak    int64    `json:"peak_bytes"`
		Methods []row    `json:"methods"`
	}
	figure := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	all := []set{}
	for _, m := range sets {
		s := set{m.name, m.Series, m.horizon, m.period, append([]string{}, m.LeftOut...), m.peak, []row{}}
		for _, r := range m.Rows {
			if r.Series > 0 {
				s.Methods = append(s.Methods, row{r.Name, r.Series, figure(r.SMAPE), figure(r.MASE), figure(r.OWA), figure(r.MSIS),
					figure(r.Coverage80), figure(r.Coverage), figure(r.PerSecond)})
			}
		}
		all = append(all, s)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}
