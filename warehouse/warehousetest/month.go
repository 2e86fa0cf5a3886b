package warehousetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// compareMonths holds a model that reads run.window to its promise: months computed one
// at a time, each with its own bounds, are together what comes out without bounds. The
// months are those of the case's window and of all rows, and one more on both sides.
func compareMonths(ctx context.Context, s *warehouse.Session, model graph.Model, p warehouse.Parameters) error {
	whole, err := computeWindow(ctx, s, model, warehouse.Parameters{AsOf: p.AsOf})
	if err != nil {
		return err
	}
	span := p.Window
	for _, row := range whole.Rows {
		at, ok := row[slices.Index(whole.Columns, model.Built.Time)].(time.Time)
		if !ok {
			return fmt.Errorf("without bounds: column %s is null", model.Built.Time)
		}
		if span.IsZero() {
			span = dataset.Window{Start: at, End: at}
		}
		span = span.Union(dataset.Window{Start: at.AddDate(0, -1, 0), End: at.AddDate(0, 1, 0)})
	}
	if span.IsZero() {
		return nil
	}
	var together [][]any
	for _, month := range span.Split(dataset.Month) {
		part, err := computeWindow(ctx, s, model, warehouse.Parameters{AsOf: p.AsOf, Window: month})
		if err != nil {
			return err
		}
		together = append(together, part.Rows...)
	}
	if text := diff(together, whole.Rows); text != "" {
		return fmt.Errorf("rows of months computed one at a time differ from those without bounds (%s):\n%s", strings.Join(whole.Columns, ", "), text)
	}
	return nil
}

// computeWindow returns the model's rows of one window, with its bounds in run.window.
func computeWindow(ctx context.Context, s *warehouse.Session, model graph.Model, p warehouse.Parameters) (warehouse.Rows, error) {
	if err := s.SetParameters(ctx, p); err != nil {
		return warehouse.Rows{}, err
	}
	d := model.Dataset()
	result, err := s.Compute(ctx, d, model.SQL, p.Window)
	if err != nil {
		return warehouse.Rows{}, err
	}
	return result.Read(ctx, names(d.Columns))
}
