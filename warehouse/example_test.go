package warehouse_test

import (
	"context"
	"fmt"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
)

func ExampleSession_Compute() {
	ctx := context.Background()
	session, err := warehouse.Open(ctx, warehouse.Config{MemoryLimit: 256 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	sales := dataset.Dataset{Name: "staging.sale", Columns: []dataset.Column{{Name: "day", Type: dataset.Date}, {Name: "amount", Type: dataset.Float64}}}
	if err := session.MountRows(ctx, sales, [][]any{{"2024-05-01", 2}, {"2024-05-01", 3}, {"2024-05-02", nil}}); err != nil {
		fmt.Println(err)
		return
	}
	daily := dataset.Dataset{Name: "marts.sale_daily", Columns: sales.Columns, Key: []string{"day"}}
	result, err := session.Compute(ctx, daily, "select day, sum(amount) as amount from staging.sale group by day", dataset.Window{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Rows, "rows, unique by day:", result.CheckGrain(ctx, daily.Key) == nil)

	_, err = session.Compute(ctx, daily, "select amount, day from staging.sale", dataset.Window{})
	fmt.Println(err)
	// Output:
	// 2 rows, unique by day: true
	// compute marts.sale_daily: column 1 of the result is amount double, declared is day date
}
