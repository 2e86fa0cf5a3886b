package anomaly_test

import (
	"context"
	"fmt"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

// A shop's orders, with one day on which nobody could pay.
func ExampleJudge() {
	var b series.Builder
	for day := range int32(100) {
		orders := 200 + float64(day*37%11) + []float64{0, 5, 10, 12, 60, 90, -40}[day%7]
		if day == 90 {
			orders = 31
		}
		b.Declare("cafe", "orders", series.NonNegative())
		if err := b.Append([]string{"cafe"}, []string{"orders"}, []int32{20000 + day}, []float64{orders}); err != nil {
			fmt.Println(err)
			return
		}
	}
	batch, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	verdicts, err := anomaly.Judge(context.Background(), batch, anomaly.Options{ExpectedAlarms: 0.2, From: 20085})
	if err != nil {
		fmt.Println(err)
		return
	}
	for row, alarm := range verdicts.Alarm {
		if alarm {
			fmt.Printf("day %d: a %v where about %.0f were expected\n", verdicts.Day[row]-20000, verdicts.Kind[row], verdicts.Expected[row])
		}
	}
	// Output: day 90: a dip where about 163 were expected
}
