package backtest

import (
	"context"
	"fmt"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// Forecast runs the forecaster over the training part of a set, every series from day 0,
// and returns its paths with 95 % bounds and the vintage itself. With the zero options it is the default one.
// Options.Horizon is taken from the set. Every series is declared to have the given range:
// the organisers' clipping of negative forecasts asks for series.NonNegative.
func Forecast(ctx context.Context, set Set, opt forecast.Options, values series.Range) (Paths, *forecast.Vintage, error) {
	batch := &series.Batch{Offsets: []int{0}}
	for i, id := range set.IDs {
		batch.BusinessID = append(batch.BusinessID, "set")
		batch.KPIID = append(batch.KPIID, id)
		batch.FirstDay = append(batch.FirstDay, 0)
		batch.Range = append(batch.Range, values)
		batch.Values = append(batch.Values, set.Train[i]...)
		batch.Offsets = append(batch.Offsets, len(batch.Values))
	}
	opt.Horizon = set.Horizon
	v, err := forecast.Forecast(ctx, batch, opt)
	if err != nil {
		return Paths{}, nil, fmt.Errorf("forecast set: %w", err)
	}
	p := Paths{Level: 0.95}
	for i := range set.IDs {
		lo, hi := v.Rows(i)
		p.Mean = append(p.Mean, v.Mean[lo:hi])
		p.Lower = append(p.Lower, v.Lower95[lo:hi])
		p.Upper = append(p.Upper, v.Upper95[lo:hi])
	}
	return p, v, nil
}
