package trend

import (
	"math"
	"testing"
)

// Values calculated by hand: 1 3 2 4 5 3 has S = 10-4+... over 15 pairs, see the comments.
func TestKendallByHand(t *testing.T) {
	// Pairs (i<j): 1-3 + 1-2 + 1-4 + 1-5 + 1-3 +, 3-2 - 3-4 + 3-5 + 3-3 0, 2-4 + 2-5 + 2-3 +, 4-5 + 4-3 -, 5-3 -: S = 11-3 = 8.
	k := kendall{t: []float64{0, 1, 2, 3, 4, 5}, v: []float64{1, 3, 2, 4, 5, 3}}
	if ties := k.rank(0); ties != 2*1*9 {
		t.Errorf("ties %v, want 18 of one pair", ties)
	}
	want := []float64{0, 2.5, 1, 4, 5, 2.5}
	for i, r := range k.ranks {
		if r != want[i] {
			t.Errorf("ranks %v, want %v", k.ranks, want)
			break
		}
	}
	got := k.test()
	// Slopes sorted: -2 -1 -1/2 0 1/3 1/2 2/5 ... : 1-3 2, 1-2 .5, 1-4 1, 1-5 1, 1-3 .4, 3-2 -1, 3-4 .5, 3-5 2/3, 3-3 0, 2-4
	// 2, 2-5 1.5, 2-3 1/3, 4-5 1, 4-3 -.5, 5-3 -2; the eighth of fifteen is 1/2.
	if got.tau != 8.0/15 || got.slope != 0.5 {
		t.Errorf("tau %v, slope %v, want 8/15 and 1/2", got.tau, got.slope)
	}
	// Var(S) = (6*5*17 - 18)/18 = 27.33; without significant autocorrelation z = 7/5.228 = 1.339, p = 0.1806.
	if c := max(leastCorrection, k.hamedRao(), k.firstOrder()); c != 1 || math.Abs(got.p-0.1806) > 5e-4 {
		t.Errorf("correction %v, p %v, want 1 and 0.1806", c, got.p)
	}
}

// The correction of the variance is that of Hamed and Rao's formula for given correlations.
func TestInflation(t *testing.T) {
	// n = 5: 1 + 2/(5*4*3) * (4*3*2*0.5) = 1.4 with r_1 = 0.5 alone.
	got := inflation(5, func(lag int) float64 {
		if lag == 1 {
			return 0.5
		}
		return 0
	})
	if math.Abs(got-1.4) > 1e-12 {
		t.Errorf("inflation %v, want 1.4", got)
	}
}

// Closed forms of a step's and a hinge's energy beside a line equal those of the projection.
func TestEnergies(t *testing.T) {
	for _, n := range []int{14, 31, 200} {
		for k := 3; k < n-3; k += 5 {
			step, hinge := make([]float64, n), make([]float64, n)
			for i := k; i < n; i++ {
				step[i], hinge[i] = 1, float64(i-k)
			}
			for _, c := range []struct {
				column []float64
				got    float64
			}{{step, stepEnergy(n, k)}, {hinge, hingeEnergy(n, k)}} {
				level, slope := line(c.column)
				want := 0.0
				for i, v := range c.column {
					r := v - level - slope*float64(i)
					want += r * r
				}
				if math.Abs(c.got-want) > 1e-9*max(1, want) {
					t.Errorf("n %d, k %d: %v, want %v", n, k, c.got, want)
				}
			}
		}
	}
}

// The tail falls to the value that the threshold was asked for.
func TestThreshold(t *testing.T) {
	for _, p := range []float64{0.5, 0.05, 0.01, 1e-6} {
		if got := tail(threshold(p, 400), 400); math.Abs(got-p) > 1e-6*p {
			t.Errorf("tail at the threshold of %v is %v", p, got)
		}
	}
}
