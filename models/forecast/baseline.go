package forecast

import "fmt"

// naive repeats the last season: the forecast of t+h is y at the latest t+h-k*season that has been seen. With a season of 1, and
// where less than a season has been seen, that is the last value. A constant series gives the constant; a series shorter
// than a season is refused by applies.
type naive struct{ season int }

func (n *naive) name() string {
	if n.season == 1 {
		return "naive"
	}
	return fmt.Sprintf("seasonal naive(%d)", n.season)
}

func (n *naive) applies(y []float64) bool { return len(y) >= n.season }

func (n *naive) refit(y []float64) { n.fit(y) }

func (n *naive) fit([]float64) {}

func (n *naive) paths(y []float64, origins []int, horizon int, out []float64) {
	for k, origin := range origins {
		season := n.season
		if origin < season {
			season = 1
		}
		row := out[k*horizon : (k+1)*horizon]
		for h := range row {
			row[h] = y[origin-season+h%season]
		}
	}
}

// average forecasts the mean of all that has been seen: for noise around a level nothing errs less in the square. A constant series
// gives the constant.
type average struct{}

func (a *average) name() string { return "average" }

func (a *average) applies(y []float64) bool { return len(y) > 0 }

func (a *average) refit(y []float64) { a.fit(y) }

func (a *average) fit([]float64) {}

func (a *average) paths(y []float64, origins []int, horizon int, out []float64) {
	sum, t := 0.0, 0
	for k, origin := range origins {
		for ; t < origin; t++ {
			sum += y[t]
		}
		fillRow(out[k*horizon:(k+1)*horizon], sum/float64(origin))
	}
}

// drift continues the straight line from the first value that has been seen to the last, the forecast of a random walk with drift
// (Hyndman and Athanasopoulos 2021, section 5.2):
//
//	forecast of t+h = y_t + h*(y_t-y_1)/(t-1)
//
// Of a single value it is that value; a constant series gives the constant; fewer than three values are refused by applies.
type drift struct{}

func (d *drift) name() string { return "drift" }

func (d *drift) applies(y []float64) bool { return len(y) >= 3 }

func (d *drift) refit(y []float64) { d.fit(y) }

func (d *drift) fit([]float64) {}

func (d *drift) paths(y []float64, origins []int, horizon int, out []float64) {
	for k, origin := range origins {
		slope := 0.0
		if origin > 1 {
			slope = (y[origin-1] - y[0]) / float64(origin-1)
		}
		row := out[k*horizon : (k+1)*horizon]
		for h := range row {
			row[h] = y[origin-1] + float64(h+1)*slope
		}
	}
}

func fillRow(row []float64, v float64) {
	for h := range row {
		row[h] = v
	}
}
