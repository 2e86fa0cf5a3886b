package warehousetest

import (
	"context"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// ofRun reports whether a relation is one that a run makes.
func ofRun(relation string) bool {
	return relation == graph.Parameters || relation == graph.OutputWindow
}

// setParameters fills run.parameters and run.window and returns what they hold, zero for none.
func (c *testCase) setParameters(ctx context.Context, s *warehouse.Session) (warehouse.Parameters, error) {
	if c.parameters == nil {
		return warehouse.Parameters{}, s.SetParameters(ctx, warehouse.Parameters{})
	}
	if len(c.parameters.rows) != 1 {
		return warehouse.Parameters{}, fmt.Errorf("want one row, got %d", len(c.parameters.rows))
	}
	d := warehouse.ParametersDataset()
	if err := mount(ctx, s, d, *c.parameters); err != nil {
		return warehouse.Parameters{}, err
	}
	rows, err := s.Read(ctx, "select as_of, window_start, window_end from run.parameters")
	if err != nil {
		return warehouse.Parameters{}, err
	}
	asOf, _ := rows.Rows[0][0].(time.Time)
	start, hasStart := rows.Rows[0][1].(time.Time)
	end, hasEnd := rows.Rows[0][2].(time.Time)
	if hasStart != hasEnd {
		return warehouse.Parameters{}, fmt.Errorf("give both bounds of the window or none")
	}
	p := warehouse.Parameters{AsOf: asOf, Window: dataset.Window{Start: start, End: end}}
	return p, s.SetParameters(ctx, p)
}
