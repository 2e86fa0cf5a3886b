package backtest

import (
	"math"
	"slices"
)

// BestNAB returns the threshold with the highest raw score, and what it earns: all distinct scores are tried, from the highest
// down, and an infinite threshold, under which nothing is detected. Of equal ones the highest is taken. It is how the benchmark's
// published figures are made: tuned on the files that they are reported for.
func BestNAB(files []NABFile, scores [][]float64, p NABProfile) (threshold float64, best NABScore, err error) {
	if err := checkNAB(files, scores); err != nil {
		return 0, NABScore{}, err
	}
	type scored struct {
		score float64
		file  int
		row   nabRow
	}
	var all []scored
	earned := make([][]float64, len(files)) // of each window so far, -Inf before it is found
	var now NABScore
	for k := range files {
		earned[k] = make([]float64, len(files[k].Windows))
		for w := range earned[k] {
			earned[k][w] = math.Inf(-1)
		}
		for i, row := range files[k].rows() {
			if !math.IsNaN(row.worth) && !math.IsNaN(scores[k][i]) {
				all = append(all, scored{scores[k][i], k, row})
			}
		}
		now.Windows += files[k].scorable()
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	now.Raw = -p.FN * float64(now.Windows)
	threshold, best = math.Inf(1), now
	for i, s := range all {
		if s.row.window < 0 {
			now.Raw += p.FP * s.row.worth
			now.False++
		} else if was := &earned[s.file][s.row.window]; s.row.worth > *was {
			if math.IsInf(*was, -1) {
				now.Found++
				*was = -p.FN / p.TP // what the missed window cost
			}
			now.Raw += p.TP * (s.row.worth - *was)
			*was = s.row.worth
		}
		if (i+1 == len(all) || all[i+1].score != s.score) && now.Raw > best.Raw {
			threshold, best = s.score, now
		}
	}
	best.normalise(p)
	return threshold, best, nil
}
