package remote

import (
	"context"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// PushedBatch is what one push brought: points that were checked when they came, and what was refused.
type PushedBatch struct {
	ID, BusinessID, SourceID string
	Points                   []PushedPoint
	Rejects                  []PushedReject
}

// PushedPoint is one point.
type PushedPoint struct {
	KPIID string
	At    time.Time
	Value float64
}

// PushedReject is one refused item of a push; Line counts from 1 on.
type PushedReject struct {
	Line        int64
	Reason, Raw string
}

// Pushed hands out batches that were pushed, in the order given. A later batch corrects an earlier one.
type Pushed struct{ batches []PushedBatch }

var _ pipelines.Source = (*Pushed)(nil)

// NewPushed returns a source of batches, which are in the order of their coming.
func NewPushed(batches []PushedBatch) *Pushed { return &Pushed{batches} }

// Name returns "kpi": pushes land in turn with files.
func (p *Pushed) Name() string { return "kpi" }

// Read gives each batch as one unit.
func (p *Pushed) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	for _, pushed := range p.batches {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b := pipelines.Batch{Unit: pushed.SourceID + "/" + pushed.ID, RowsIn: len(pushed.Points) + len(pushed.Rejects)}
		for _, point := range pushed.Points {
			b.KPIPoints = append(b.KPIPoints, dataset.KPIPointRow{BusinessID: pushed.BusinessID, KPIID: point.KPIID, At: point.At,
				Value: point.Value, SourceID: pushed.SourceID, LandedAt: in.AsOf})
		}
		for _, reject := range pushed.Rejects {
			row := pipelines.Reject(dataset.KPIPoints(), reject.Line, reject.Reason, reject.Raw)
			row.BusinessID = &pushed.BusinessID
			b.Rejects = append(b.Rejects, row)
		}
		if err := out(b); err != nil {
			return err
		}
	}
	return nil
}
