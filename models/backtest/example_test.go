package backtest_test

import (
	"fmt"

	"github.com/signalcraft/signalcraft/models/backtest"
)

func ExampleEvaluate() {
	set := backtest.Set{
		IDs: []string{"orders"}, Season: 1, Horizon: 2,
		Train: [][]float64{{10, 12, 11, 13}},
		Test:  [][]float64{{12, 15}},
	}
	naive := backtest.Paths{Mean: [][]float64{backtest.Naive(set.Train[0], set.Horizon)}}
	score, err := backtest.Evaluate(set, naive)
	fmt.Printf("sMAPE %.2f MASE %.2f %v\n", score.SMAPE, score.MASE, err)
	// Output: sMAPE 11.14 MASE 0.90 <nil>
}
