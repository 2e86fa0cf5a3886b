package forecast

import (
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/signalcraft/signalcraft/models/series"
)

// closed keeps the days on which the business is closed out of the history, and forecasts them as what closed days have
// shown: the median of their observed values, with bounds at their quantiles, and 0 when none was observed. A day that is
// closed for a share of it is forecast as that share of this and the rest of a day that is open. Past days that were closed
// for any share are filled for fitting, like missing ones, and count in no error.
type closed struct {
	share  []float64 // of each place's day; empty when none is closed
	values []float64 // observed on days that were wholly closed, ascending
	n      int
}

// begin takes the closed days out of the history, whose first value lies on day. A history of which fewer than shortest
// values would be left keeps them.
func (c *closed) begin(k *series.Known, s *history, day int32, horizon, season int) {
	c.share, c.values, c.n = c.share[:0], c.values[:0], len(s.y)
	if k == nil {
		return
	}
	for _, column := range k.Columns {
		if column.Kind == series.Closed {
			c.note(valueAt(k, column, day), len(s.y)+s.tail+horizon)
		}
	}
	if len(c.share) == 0 {
		return
	}
	left := 0
	for t := range s.y {
		if s.observed[t] && c.share[t] == 0 {
			left++
		}
		if s.observed[t] && c.share[t] == 1 {
			c.values = append(c.values, s.y[t])
		}
	}
	slices.Sort(c.values)
	if left < shortest {
		return
	}
	for t := range s.y {
		if c.share[t] > 0 {
			s.observed[t] = false
		}
	}
	cut := s.trim(season)
	c.share, c.n = c.share[cut:], len(s.y)
}

// note notes closed days: shares between 0 and 1, the largest of all columns. What is not known is open.
func (c *closed) note(at func(int) float64, places int) {
	for place := range places {
		if v := at(place); v > 0 {
			if len(c.share) == 0 {
				c.share = append(c.share, make([]float64, places)...)
			}
			c.share[place] = max(c.share[place], min(v, 1))
		}
	}
}

// of returns the closed share of the day that is at places ahead.
func (c *closed) of(at int) float64 {
	if len(c.share) == 0 {
		return 0
	}
	return c.share[c.n+at]
}

// shown returns the quantile of what closed days have shown, in scaled units (type 4 of Hyndman and Fan 1996: straight lines
// between the values); 0 when they have shown none.
func (c *closed) shown(p float64) float64 {
	if len(c.values) == 0 {
		return 0
	}
	return stat.Quantile(p, stat.LinInterp, c.values, nil)
}
