package graph_test

import (
	"fmt"

	"github.com/signalcraft/signalcraft/warehouse/graph"
)

func ExampleParse() {
	text := `-- relation: marts.sale_daily
-- purpose: Sales of each day.
-- grain: day
-- inputs: staging.sale
-- built: window day by month lookback 7 days
-- owner: warehouse
-- columns:
--   day date local-day the day
--   amount double EUR its sales, null when nothing was measured
select day, sum(amount) as amount
from staging.sale
group by day
`
	model, err := graph.Parse("marts/sale_daily.sql", []byte(text))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.Relation, "is built as", model.Built)
	for _, c := range model.Columns {
		fmt.Println(c.Name, c.Type, c.Unit)
	}
	_, err = graph.Parse("marts/sale.sql", []byte(text))
	fmt.Println(err)
	// Output:
	// marts.sale_daily is built as window day by month lookback 7 days
	// day date local-day
	// amount double EUR
	// model marts/sale.sql: relation marts.sale_daily must stand in file marts/sale_daily.sql
}
