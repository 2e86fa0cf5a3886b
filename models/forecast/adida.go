package forecast

import "math"

// adida is the aggregate-disaggregate approach to intermittent series (Nikolopoulos, Syntetos, Boylan, Petropoulos and
// Assimakopoulos 2011): values are added up over buckets as long as the mean interval between non-zero ones, counted back
// from the origin, so that few buckets are empty; the buckets are smoothed exponentially, and the forecast of every day is
// the smoothed bucket divided by its length. The smoothing parameter is 0.1 as in croston, and smoothing starts from the mean
// of the first buckets (at most startBuckets). Values before the first whole bucket are left out. A series of zeros gives 0.
type adida struct{ length int }

// startBuckets is how many buckets the smoothing starts from.
const startBuckets = 5

func (a *adida) name() string { return "adida" }

func (a *adida) applies(y []float64) bool { return intermittent(y) }

func (a *adida) refit(y []float64) { a.fit(y) }

func (a *adida) fit(y []float64) {
	count := 0
	for _, v := range y {
		if v != 0 {
			count++
		}
	}
	a.length = len(y)
	if count > 0 {
		a.length = max(1, int(math.Round(float64(len(y))/float64(count))))
	}
}

func (a *adida) paths(y []float64, origins []int, horizon int, out []float64) {
	for k, origin := range origins {
		length := min(a.length, origin)
		first, buckets, level := origin%length, origin/length, 0.0
		start := min(buckets, startBuckets)
		for b := range buckets {
			sum := 0.0
			for _, v := range y[first+b*length : first+(b+1)*length] {
				sum += v
			}
			if b < start {
				level += sum / float64(start)
				continue
			}
			level += crostonAlpha * (sum - level)
		}
		fillRow(out[k*horizon:(k+1)*horizon], level/float64(length))
	}
}
