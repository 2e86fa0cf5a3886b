package forecast

import (
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// Coefficients and sums of squares of every leading part of the columns are those that gonum finds by QR, whether sums come
// by rows or by columns.
func TestRegressionAgreesWithGonum(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.IntRange(1, 5).Draw(rt, "p")
		n := rapid.IntRange(p+5, 40).Draw(rt, "n")
		value := rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n)
		columns, target := make([][]float64, p), value.Draw(rt, "target")
		for i := range columns {
			columns[i] = value.Draw(rt, "column")
			columns[i][i] += 5 // apart from each other
		}
		var byColumns, byRows regression
		byColumns.load(columns, target)
		byRows.begin(p)
		row := make([]float64, p)
		for at, v := range target {
			for i := range row {
				row[i] = columns[i][at]
			}
			byRows.add(row, v, 1)
		}
		byRows.factorise()
		for k := 1; k <= p; k++ {
			design := mat.NewDense(n, k, nil)
			for i, column := range columns[:k] {
				design.SetCol(i, column)
			}
			var want, rest mat.VecDense
			if err := want.SolveVec(design, mat.NewVecDense(n, target)); err != nil {
				rt.Fatal(err)
			}
			rest.MulVec(design, &want)
			rest.SubVec(mat.NewVecDense(n, target), &rest)
			for _, r := range []*regression{&byColumns, &byRows} {
				if got := r.solve(k); !nearAll(got, want.RawVector().Data, 1e-6) {
					rt.Fatalf("coefficients %v, want %v", got, want.RawVector().Data)
				}
				if got := r.left(k); !near(got, mat.Dot(&rest, &rest), 1e-6) {
					rt.Fatalf("%d columns leave %v, want %v", k, got, mat.Dot(&rest, &rest))
				}
			}
		}
	})
}

// A column that is zero, or another one again, gets no coefficient of its own, and the others get theirs.
func TestRegressionLeavesOutWhatRepeats(t *testing.T) {
	var r regression
	r.begin(3)
	for _, x := range []float64{1, 2, 3, 4} {
		r.add([]float64{x, 0, x}, 2*x, 1)
	}
	r.factorise()
	if got := r.solve(3); !nearAll(got, []float64{2, 0, 0}, 1e-12) || r.left(3) != 0 {
		t.Errorf("coefficients %v leave %v, want 2, 0, 0 and nothing", got, r.left(3))
	}
}
