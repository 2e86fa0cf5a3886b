package backtest

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// seasonalSpan is the width of stl's seasonal smoother that R's forecast::mstl takes for the first season.
const seasonalSpan = 11

// Interpolate returns train with its missing values filled as R's forecast::na.interp (Hyndman and Khandakar 2008; version
// 8.20) does it, on which published figures of sets with missing values rest. Without a season, and for at most two seasons
// of observed values, that is straight lines between neighbours and the nearest value at the ends. With one, the missing
// values are first set to a regression on up to five harmonics and a polynomial of up to the sixth degree; from that, a
// robust stl gives the season; the lines are drawn on the series without it. When that leaves the observed range by more
// than half of it, straight lines are taken. A train without missing values is returned as it is, one without an observed
// value too.
func Interpolate(train []float64, season int) []float64 {
	var places []int
	lowest, highest := math.Inf(1), math.Inf(-1)
	for t, v := range train {
		if !math.IsNaN(v) {
			places = append(places, t)
			lowest, highest = min(lowest, v), max(highest, v)
		}
	}
	if len(places) == len(train) || len(places) == 0 {
		return train
	}
	if season <= 1 || len(places) <= 2*season {
		return lines(train, places)
	}
	filled := slices.Clone(train)
	guess := roughSeason(train, places, season)
	for t := range filled {
		if math.IsNaN(train[t]) {
			filled[t] = guess[t]
		}
	}
	index, _ := newSTL(season, seasonalSpan).decompose(filled)
	adjusted := make([]float64, len(train))
	for t := range adjusted {
		adjusted[t] = filled[t] - index[t]
	}
	adjusted = lines(adjusted, places)
	for t := range filled {
		if math.IsNaN(train[t]) {
			filled[t] = adjusted[t] + index[t]
		}
	}
	if slack := 0.5 * (highest - lowest); slices.Max(filled) > highest+slack || slices.Min(filled) < lowest-slack {
		return lines(train, places)
	}
	return filled
}

// lines keeps the values at places and draws straight lines between them, level beyond the first and last.
func lines(x []float64, places []int) []float64 {
	out := make([]float64, len(x))
	k := 0
	for t := range out {
		for k < len(places)-1 && places[k+1] <= t {
			k++
		}
		left := places[k]
		if t <= left || k == len(places)-1 {
			out[t] = x[left]
			continue
		}
		right := places[k+1]
		out[t] = x[left] + (x[right]-x[left])*float64(t-left)/float64(right-left)
	}
	return out
}

// roughSeason returns the values of the regression of the places' values on harmonics and a polynomial.
func roughSeason(x []float64, places []int, season int) []float64 {
	n := len(x)
	degree := min(max(n/10, 1), 6)
	harmonics := min(season/2, 5)
	row := func(t int) []float64 {
		out := make([]float64, 0, degree+1+2*harmonics)
		before, now, at := 1.0, 2*float64(t)/float64(n-1)-1, 2*float64(t)/float64(n-1)-1
		out = append(out, 1, now) // Chebyshev's polynomials span the same space as R's poly, and keep apart
		for d := 2; d <= degree; d++ {
			before, now = now, 2*at*now-before
			out = append(out, now)
		}
		for k := 1; k <= harmonics; k++ {
			angle := 2 * math.Pi * float64(k*((t+1)%season)) / float64(season)
			out = append(out, math.Cos(angle))
			if 2*k != season {
				out = append(out, math.Sin(angle))
			}
		}
		return out
	}
	design, target := mat.NewDense(len(places), len(row(0)), nil), mat.NewVecDense(len(places), nil)
	for k, t := range places {
		design.SetRow(k, row(t))
		target.SetVec(k, x[t])
	}
	var beta mat.VecDense
	if err := beta.SolveVec(design, target); err != nil && beta.Len() == 0 {
		return lines(x, places)
	}
	out := make([]float64, n)
	for t := range out {
		out[t] = mat.Dot(&beta, mat.NewVecDense(beta.Len(), row(t)))
	}
	return out
}
