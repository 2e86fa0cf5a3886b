package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// Names of the rows that are no single method of package forecast.
const (
	// Default is the forecaster as it comes: methods chosen and combined for each series.
	Default = "default"
	// RefNaive, RefSeasonalNaive and RefNaive2 are the competition's reference forecasts.
	RefNaive         = "reference Naive"
	RefSeasonalNaive = "reference sNaive"
	RefNaive2        = "reference Naive2"
)

// benchBatch is how many series are in memory at once.
const benchBatch = 256

// Bench is a comparison of forecasters on a set, made by Run.
type Bench struct {
	// Season is the season length of the measures and of the forecasters, in values.
	Season int
	// Horizon is the number of values to forecast.
	Horizon int
	// Methods are the names of single methods to measure beside the default, as forecast.Methods lists them.
	Methods []string
	// Workers is the number of goroutines. Zero means one for each processor.
	Workers int
	// Now is the clock by which speed is measured.
	Now func() time.Time
}

// Row is how one forecaster did.
type Row struct {
	// Name is Default, a reference's name or a method's.
	Name string
	// Score is over the series that the method applies to.
	Score
	// Coverage80 is the share of test values inside the 80 % bounds; NaN without bounds.
	Coverage80 float64
	// OWA is against Naive2 on the same series.
	OWA float64
	// PerSecond is how many series were forecast in a second, choice and bounds included; NaN for references.
	PerSecond float64

	own, naive2 Tally
	took        time.Duration
}

// Result is what Run measured.
type Result struct {
	// Series is how many series the set has.
	Series int
	// LeftOut are the series that nothing could be measured on: no observed test value, or a training part without an observed
	// difference over a season, by which MASE divides.
	LeftOut []string
	// Rows begins with Default and the references; the methods follow in the order given.
	Rows []Row
}

// Run forecasts every series of a set by the default, by the references and by each method, and measures them. Missing
// training values are filled by Interpolate for the references and for the scale, as in the published figures; the
// forecasters see them missing. Negative forecasts are set to 0, the organisers' rule. It holds a fixed number of
// series at a time. The error is the reader's, the context's or the forecaster's.
func (b Bench) Run(ctx context.Context, r *Reader) (Result, error) {
	out := Result{Rows: []Row{{Name: Default}, {Name: RefNaive2}, {Name: RefSeasonalNaive}, {Name: RefNaive}}}
	for _, m := range b.Methods {
		out.Rows = append(out.Rows, Row{Name: m})
	}
	for done := false; !done; {
		part := benchPart{Bench: b, set: Set{Season: b.Season, Horizon: b.Horizon}}
		for len(part.set.IDs) < benchBatch && !done {
			id, train, test, err := r.Next()
			if done = errors.Is(err, io.EOF); done {
				break
			}
			if err != nil {
				return Result{}, err
			}
			out.Series++
			if !part.add(id, train, test) {
				out.LeftOut = append(out.LeftOut, id)
			}
		}
		for k := range out.Rows {
			if err := part.measure(ctx, &out.Rows[k]); err != nil {
				return Result{}, fmt.Errorf("forecast by %s: %w", out.Rows[k].Name, err)
			}
		}
	}
	for k := range out.Rows {
		out.Rows[k].finish()
	}
	return out, nil
}

// Union returns the measures over all series of several sets together. It has the rows that every set has.
func Union(sets []Result) Result {
	var out Result
	for _, set := range sets {
		out.Series += set.Series
		out.LeftOut = append(out.LeftOut, set.LeftOut...)
	}
	for _, first := range sets[0].Rows {
		all, found := Row{Name: first.Name}, 0
		for _, set := range sets {
			for _, r := range set.Rows {
				if r.Name == first.Name && r.Series > 0 {
					all.own.Merge(r.own)
					all.naive2.Merge(r.naive2)
					all.took += r.took
					found++
				}
			}
		}
		if found == len(sets) {
			all.finish()
			out.Rows = append(out.Rows, all)
		}
	}
	return out
}

func (r *Row) finish() {
	r.Score, r.Coverage80 = r.own.Score(), r.own.Coverage80()
	r.OWA = r.Score.OWA(r.naive2.Score())
	r.PerSecond = math.NaN()
	if r.took > 0 {
		r.PerSecond = float64(r.Series) / r.took.Seconds()
	}
}

// benchPart is the series that are in memory.
type benchPart struct {
	Bench
	set    Set
	filled [][]float64
	scale  []float64
	naive2 [][]float64
}

// add keeps a series and its reference; false when nothing can be measured on it.
func (p *benchPart) add(id string, train, test []float64) bool {
	filled := Interpolate(train, p.Season)
	scale := Scale(filled, p.Season)
	if _, observed := Covered(test, test, test); observed == 0 || !(scale > 0) {
		return false
	}
	p.set.IDs, p.set.Train, p.set.Test = append(p.set.IDs, id), append(p.set.Train, train), append(p.set.Test, test)
	p.filled, p.scale = append(p.filled, filled), append(p.scale, scale)
	p.naive2 = append(p.naive2, nonNegative(Naive2(filled, p.Season, p.Horizon)))
	return true
}

func nonNegative(path []float64) []float64 {
	for h, v := range path {
		path[h] = max(0, v)
	}
	return path
}

// measure adds one row's forecasts of these series to its tallies.
func (p *benchPart) measure(ctx context.Context, row *Row) error {
	reference := map[string]func(i int) []float64{
		RefNaive2:        func(i int) []float64 { return p.naive2[i] },
		RefNaive:         func(i int) []float64 { return Naive(p.filled[i], p.Horizon) },
		RefSeasonalNaive: func(i int) []float64 { return SeasonalNaive(p.filled[i], p.Season, p.Horizon) },
	}[row.Name]
	if reference == nil {
		return p.forecast(ctx, row)
	}
	for i := range p.set.IDs {
		p.tally(row, i, nonNegative(reference(i)), Bounds{})
	}
	return nil
}

func (p *benchPart) forecast(ctx context.Context, row *Row) error {
	opt := forecast.Options{Season: p.Season, Workers: p.Workers}
	if row.Name != Default {
		opt.Method = row.Name
	}
	start := p.Now()
	_, v, err := Forecast(ctx, p.set, opt, series.NonNegative())
	row.took += p.Now().Sub(start)
	if err != nil {
		return err
	}
	for i := range p.set.IDs {
		if lo, hi := v.Rows(i); lo < hi {
			p.tally(row, i, v.Mean[lo:hi], Bounds{v.Lower80[lo:hi], v.Upper80[lo:hi], v.Lower95[lo:hi], v.Upper95[lo:hi]})
		}
	}
	return nil
}

func (p *benchPart) tally(row *Row, i int, mean []float64, bounds Bounds) {
	row.own.Add(p.set.Test[i], mean, bounds, p.scale[i])
	row.naive2.Add(p.set.Test[i], p.naive2[i], Bounds{}, p.scale[i])
}
