package forecast

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/signalcraft/signalcraft/models/series"
)

// The projection equals what is calculated by hand: with W = I, a total 10 of parts 4 and 3 is 3 too much, of which each
// takes a third; with a total nine times as uncertain as each part it takes 27/11 of the 3, they 3/11 each.
func TestProjectionByHand(t *testing.T) {
	c := mat.NewDense(1, 3, []float64{1, -1, -1})
	check := func(w mat.Symmetric, want ...float64) {
		t.Helper()
		y := []float64{10, 4, 3}
		project(w, c).apply(y)
		if !nearAll(y, want, 1e-12) {
			t.Errorf("got %v, want %v", y, want)
		}
	}
	check(mat.NewDiagDense(3, []float64{1, 1, 1}), 9, 5, 4)
	check(mat.NewDiagDense(3, []float64{9, 1, 1}), 10-27.0/11, 4+3.0/11, 3+3.0/11)
}

// It equals the textbook's S*(S'*W^-1*S)^-1*S'*W^-1 for a full covariance and two levels.
func TestProjectionIsMinimumTrace(t *testing.T) {
	// 0 = 1 + 2, 1 = 3 + 4, 2 = 5 + 6.
	s := mat.NewDense(7, 4, []float64{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1})
	f := family{members: []int{0, 1, 2, 3, 4, 5, 6}, parts: [][]int{{1, 2}, {3, 4}, {5, 6}, nil, nil, nil, nil}}
	w := mat.NewSymDense(7, nil)
	for i := range 7 {
		for j := i; j < 7; j++ {
			w.SetSym(i, j, math.Exp(-math.Abs(float64(i-j)))*(1+float64(j)/10))
		}
		w.SetSym(i, i, 3+float64(i))
	}
	y := []float64{20, 11, 8, 5, 4, 6, 3}
	var inverse, sw, sws, g, sg, want mat.Dense
	if err := inverse.Inverse(w); err != nil {
		t.Fatal(err)
	}
	sw.Mul(s.T(), &inverse)
	sws.Mul(&sw, s)
	if err := g.Solve(&sws, &sw); err != nil {
		t.Fatal(err)
	}
	sg.Mul(s, &g)
	want.Mul(&sg, mat.NewDense(7, 1, append([]float64{}, y...)))
	project(w, f.constraints()).apply(y)
	if !nearAll(y, want.RawMatrix().Data, 1e-9) {
		t.Errorf("got %v, want %v", y, want.RawMatrix().Data)
	}
	if math.Abs(y[0]-y[3]-y[4]-y[5]-y[6]) > 1e-12 {
		t.Errorf("%v does not add up", y)
	}
}

// Shrinkage keeps variances, and takes correlations of noise away and leaves true ones, by the figures of the formula.
func TestShrinkage(t *testing.T) {
	// z are +-1 here: r_12 = 1/2, sum of squares of products 4, sum 2: Var = (4 - 4/4)/(4*3) = 1/4, lambda = (1/4)/(1/4) = 1.
	w := shrunk([][]float64{{1, 2}, {1, 2}, {-1, -2}, {1, -2}}, 2)
	if w.At(0, 0) != 1 || w.At(1, 1) != 4 || w.At(0, 1) != 0 {
		t.Errorf("got %v", mat.Formatted(w))
	}
	var rows [][]float64
	for k := range 40 {
		v := math.Sin(float64(k * k))
		rows = append(rows, []float64{v, v, v + 0.001*math.Cos(float64(k))})
	}
	w = shrunk(rows, 3)
	if r := w.At(0, 1) / math.Sqrt(w.At(0, 0)*w.At(1, 1)); r < 0.9 {
		t.Errorf("a correlation of 1 is shrunk to %v", r)
	}
}

// Whole numbers are dealt so that sums hold, nobody is more than one away from what it had, and ranges are kept.
func TestRoundByRemainders(t *testing.T) {
	counts := series.Range{Lowest: 0, Highest: math.Inf(1), Integer: true}
	check := func(last series.Range, v []float64, want ...float64) {
		t.Helper()
		b := &series.Batch{Range: []series.Range{counts, counts, counts, counts, last}}
		f := family{batch: b, members: []int{0, 1, 2, 3, 4}, parts: [][]int{{1, 2}, {3, 4}, nil, nil, nil}}
		if f.round(v); !nearAll(v, want, 0) {
			t.Errorf("got %v, want %v", v, want)
		}
	}
	check(counts, []float64{2.9, 1.3, 1.6, 0.6, 0.7}, 3, 1, 2, 0, 1)
	check(series.Range{Lowest: 0, Highest: 0.9, Integer: true}, []float64{2.9, 1.3, 1.6, 0.6, 0.7}, 3, 1, 2, 1, 0)
	check(series.Range{Lowest: 1.5, Highest: 9, Integer: true}, []float64{2.9, 1.6, 1.3, 0.1, 1.5}, 3, 2, 1, 0, 2)
	check(series.Range{Lowest: 3, Highest: 3, Integer: true}, []float64{4.2, 3.4, 0.8, 0.4, 3}, 4, 3, 1, 0, 3)
}
