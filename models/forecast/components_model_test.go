package forecast

import (
	"math"
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
	models := append(methods(7), newMSTL([]int{7}, newTheta(dynamicTheta, 1)), &logged{inner: newMSTL([]int{7}, newETS(flat, 1))}, stranger{&naive{season: 7}})
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

// stranger is a model of a kind that the splitter does not know.
type stranger struct{ model }
