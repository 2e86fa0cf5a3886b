package kpi_test

import (
	"context"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

func Example() {
	files := fstest.MapFS{"sales.csv": {Data: []byte("Day;Sales\n31.03.2024;1.234,5\n31.03.2024;950,25\n")}}
	source, err := kpi.New(kpi.Config{Files: []kpi.File{{
		BusinessID: "cafe", SourceID: "till", Name: "sales.csv", Open: kpi.FromFS(files, "sales.csv"),
		Spec: kpi.Spec{Time: []string{"Day"}, Layouts: []string{"02.01.2006"}, Zone: "Europe/Berlin", Value: "Sales", DecimalComma: true, KPIs: []kpi.Series{{KPIID: "sales"}}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = source.Read(context.Background(), pipelines.Input{AsOf: time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)}, func(b pipelines.Batch) error {
		for _, p := range b.KPIPoints {
			fmt.Println(b.Unit, p.KPIID, p.At.Format(time.RFC3339), p.Value)
		}
		for _, r := range b.Rejects {
			fmt.Println(b.Unit, "line", *r.Line, r.Reason)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// till sales 2024-03-30T23:00:00Z 950.25
	// till line 2 value "1.234,5" is not a number
	// <nil>
}
