package forecast

import (
	"math"
	"slices"
	"testing"
)

// Every method that knows a season shows that of a series made of a line and a season, whatever its terms.
func TestSplitFindsTheSeason(t *testing.T) {
	season := []float64{-2, -1, 0, 0.5, 1, 3, -1.5}
	week := func(t int) float64 { return season[t%7] / 10 }
	y := make([]float64, 210)
	for t := range y {
		y[t] = 2 + 0.001*float64(t) + week(t) + 0.001*math.Sin(float64(t*t))
	}
	models := append(slices.Concat(methods(7), askedMethods(7)), newMSTL([]int{7}, newTheta(dynamicTheta, 1)), &logged{inner: newMSTL([]int{7}, newETS(flat, 1))}, stranger{&naive{season: 7}})
	var s splitter
	for _, m := range models {
		if !m.applies(y) {
			continue
		}
		path := make([]float64, 21)
		m.fit(y)
		m.paths(y, []int{len(y)}, len(path), path)
		var p parts
		p.reset(7, len(path))
		s.split(m, y, path, &p)
		seasonless := math.Abs(path[3]-path[0]-2*(path[4]-path[1])+path[5]-path[2]) < 0.02 // the season is far from this
		for h := range path {
			want := week(len(y) + h)
			if seasonless {
				want = 0
			}
			if math.Abs(p.season[h]-want) > 0.06 || p.long[h] != 0 {
				t.Errorf("%s: step %d: season %.3f, long season %.3f, want %.3f and 0", m.name(), h, p.season[h], p.long[h], want)
				break
			}
		}
	}
}

// Harmonics of a week and of a year come back as what they are.
func TestSplitTellsWeekFromYear(t *testing.T) {
	week := func(t int) float64 { return 0.1 * math.Sin(2*math.Pi*float64(t)/7) }
	long := func(t int) float64 { return 0.2 * math.Cos(2*math.Pi*float64(t)/year) }
	y := make([]float64, 800)
	for t := range y {
		y[t] = 0.5 + week(t) + long(t) + 0.01*math.Sin(float64(t*t))
	}
	m := newHarmonic(7, 0)
	m.fit(y)
	path := make([]float64, 30)
	m.paths(y, []int{len(y)}, len(path), path)
	var p parts
	p.reset(7, len(path))
	new(splitter).split(m, y, path, &p)
	for h := range path {
		if t2 := len(y) + h; math.Abs(p.season[h]-week(t2)) > 0.01 || math.Abs(p.long[h]-long(t2)) > 0.02 {
			t.Errorf("step %d: week %.3f, year %.3f, want %.3f and %.3f", h+1, p.season[h], p.long[h], week(t2), long(t2))
		}
	}
}

// stranger is a model of a kind that the splitter does not know.
type stranger struct{ model }
