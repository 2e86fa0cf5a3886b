package backtest

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Paths are forecasts of a set, one row of Horizon values for each series. Lower and
// Upper are the bounds of one level, or nil when there are none.
type Paths struct {
	Mean         [][]float64
	Lower, Upper [][]float64
	// Level is the nominal coverage of the bounds, 0.95 for 95 %.
	Level float64
}

// Score is the average error over a set: plain means of the series' measures, and
// coverage pooled over all points of all series.
type Score struct {
	// Series is how many series were measured.
	Series int
	// SMAPE is in percent, 0 to 200; MASE and MSIS are in units of the series' scale.
	SMAPE, MASE, MSIS float64
	// Coverage is the share of test values inside the bounds.
	Coverage float64
}

// OWA returns the overall weighted average against a reference, which by the
// competition's rule is Naive2 on the same set: the mean of the two ratios of SMAPE and
// of MASE, taken once over the set's averages.
func (s Score) OWA(reference Score) float64 {
	return 0.5 * (s.SMAPE/reference.SMAPE + s.MASE/reference.MASE)
}

// Evaluate measures forecasts of a set. MSIS and Coverage are NaN without bounds. A
// series without an observed test value counts in nothing. It returns an error when
// rows are missing, a row has another length than the horizon or a forecast is not
// finite.
func Evaluate(set Set, p Paths) (Score, error) {
	if len(p.Mean) != len(set.IDs) {
		return Score{}, fmt.Errorf("evaluate: %d forecasts for %d series", len(p.Mean), len(set.IDs))
	}
	var s Score
	inside, points := 0, 0
	for i, id := range set.IDs {
		if err := checkRow(p, i, set.Horizon); err != nil {
			return Score{}, fmt.Errorf("evaluate %s: %w", id, err)
		}
		test, scale := set.Test[i], Scale(set.Train[i], set.Season)
		if _, observed := Covered(test, test, test); observed == 0 {
			continue
		}
		s.Series++
		s.SMAPE += SMAPE(test, p.Mean[i])
		s.MASE += MASE(test, p.Mean[i], scale)
		if p.Lower != nil {
			s.MSIS += MSIS(test, p.Lower[i], p.Upper[i], p.Level, scale)
			in, all := Covered(test, p.Lower[i], p.Upper[i])
			inside, points = inside+in, points+all
		}
	}
	n := float64(s.Series)
	s.SMAPE, s.MASE = s.SMAPE/n, s.MASE/n
	s.MSIS, s.Coverage = s.MSIS/n, float64(inside)/float64(points)
	if p.Lower == nil {
		s.MSIS = math.NaN()
	}
	return s, nil
}

func checkRow(p Paths, i, horizon int) error {
	rows := [][]float64{p.Mean[i]}
	if p.Lower != nil {
		rows = append(rows, p.Lower[i], p.Upper[i])
	}
	for _, row := range rows {
		if len(row) != horizon {
			return fmt.Errorf("forecast has %d values, want %d", len(row), horizon)
		}
		for h, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("forecast %d is %v", h+1, v)
			}
		}
	}
	return nil
}

// Rolling forecasts values from each origin and returns the errors, actual minus
// forecast, one row for each origin in the given order. The forecast function sees
// values[:origin] only and must return horizon values; an error at a place beyond the
// last value is NaN. Origins must lie between 1 and len(values). Every origin is tried;
// if any failed there are no rows, and the error names each.
func Rolling(ctx context.Context, values []float64, origins []int, horizon int,
	forecast func(seen []float64, horizon int) ([]float64, error)) ([][]float64, error) {
	rows := make([][]float64, 0, len(origins))
	var errs []error
	for _, origin := range origins {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("roll origin %d: %w", origin, err)
		}
		if origin < 1 || origin > len(values) {
			errs = append(errs, fmt.Errorf("roll origin %d: outside 1 to %d", origin, len(values)))
			continue
		}
		path, err := forecast(values[:origin:origin], horizon)
		if err == nil && len(path) != horizon {
			err = fmt.Errorf("got %d values, want %d", len(path), horizon)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("roll origin %d: %w", origin, err))
			continue
		}
		row := make([]float64, horizon)
		for h := range row {
			row[h] = math.NaN()
			if origin+h < len(values) {
				row[h] = values[origin+h] - path[h]
			}
		}
		rows = append(rows, row)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return rows, nil
}
