package run

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// Span says what a Go model makes in one call and replaces in its table.
type Span int

// The spans.
const (
	// Whole replaces the whole table.
	Whole Span = iota + 1
	// Windows replaces the partitions that an input's change touches.
	Windows
	// Vintage replaces the UTC day of the run's as-of instant and keeps all other days. The
	// output is partitioned by day of its time column. A run of a new day makes a new vintage; a run of
	// the same day makes it again only when an input changed.
	Vintage
)

// Input is a relation that a Go model reads.
type Input struct {
	// Relation is a view, mart or, with Previous, the node's own output.
	Relation string
	// Columns are what the model gets, in this order.
	Columns []string
	// Order names the columns that rows come sorted by.
	Order []string
	// Distinct leaves out repeated rows.
	Distinct bool
	// Time names the column that rows are cut on to a Windows node's window; empty for an input that is read whole.
	Time string
	// PreviousDays, when not 0, makes this the node's own vintages of so many days before the current one. It is not an
	// input of the graph: a change there makes nothing stale.
	PreviousDays int
}

// Params is what a run hands to a Go model.
type Params struct {
	AsOf time.Time
	// Window is what is made; zero for Whole, the vintage's day for Vintage.
	Window dataset.Window
	// Threads is how many goroutines the model may use.
	Threads int
	// Warn reports an item that the model leaves out; the rest is still made. It may be called from several goroutines.
	Warn func(error)
}

// Node is a Go model in the graph: Arrow in, Arrow out, no I/O of its own.
type Node struct {
	// Output is the lake table that it makes.
	Output dataset.Dataset
	// Version changes whenever the code would give other rows for the same inputs.
	Version string
	Span    Span
	// LookbackDays is how many days before its own time a row of a Windows node depends on; inputs are mounted so much wider.
	LookbackDays int
	// AsOfDays, of a Windows node, is how many days before the run's as-of day a row may lie that depends on it, such as one of a day that
	// is not over yet: those of the days between two runs are made again. Zero means that no row depends on it.
	AsOfDays int
	// Inputs are read in the order and as often as Build asks.
	Inputs []Input
	// Build makes the output's rows. Columns are found by name. It reads inputs before or
	// while it yields; one input at a time. It must give the same rows for the same inputs and params.
	Build func(ctx context.Context, in Tables, p Params) (iter.Seq2[arrow.RecordBatch, error], error)
	// Due, unless nil, says that each row belongs to the business in column business_id and follows from the input rows of that business, and of
	// none, alone: when the inputs of some businesses changed, only theirs are read and made, and the other rows stay. It adds to due the
	// businesses of which other rows would be made as of now than as of before from the same inputs, since time has passed.
	Due func(ctx context.Context, in Tables, before, now time.Time, due map[string]bool) error
}

// Tables are a node's inputs, mounted.
type Tables struct {
	session *warehouse.Session
	lake    *lakehouse.Lake
	heads   map[string]int64 // snapshot at which each stored table is read
	inputs  []Input
	window  dataset.Window
	only    []string // businesses whose rows are read; nil for all
}

// Scan streams the node's i-th input. Batches are valid until the next one is asked for.
// A stored table that is read whole and in no order comes straight from its files, in
// columns as they lie there; everything else goes through DuckDB, row by row.
func (t Tables) Scan(ctx context.Context, i int) (iter.Seq2[arrow.RecordBatch, error], error) {
	in := t.inputs[i]
	if head := t.heads[in.Relation]; head != 0 && len(in.Order) == 0 && !in.Distinct && in.Time == "" && in.PreviousDays == 0 && t.only == nil {
		return t.scanFiles(ctx, in, head)
	}
	sel := warehouse.Selection{Relation: in.Relation, Columns: in.Columns, Order: in.Order, Distinct: in.Distinct, Key: businessColumn, Keys: t.only}
	if in.Time != "" {
		sel.Time, sel.Window = in.Time, t.window
	}
	return t.session.Scan(ctx, sel)
}

// Between streams the rows of the node's i-th input whose column at, an instant or a day, lies in a window.
func (t Tables) Between(ctx context.Context, i int, at string, w dataset.Window) (iter.Seq2[arrow.RecordBatch, error], error) {
	in := t.inputs[i]
	return t.session.Scan(ctx, warehouse.Selection{Relation: in.Relation, Columns: in.Columns, Time: at, Window: w})
}

func (t Tables) scanFiles(ctx context.Context, in Input, head int64) (iter.Seq2[arrow.RecordBatch, error], error) {
	batches, err := t.lake.Scan(ctx, in.Relation, in.Columns, lakehouse.ReadOptions{Snapshot: head})
	if err != nil {
		return nil, err
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range batches {
			goesOn := yield(batch, err)
			if batch != nil {
				batch.Release()
			}
			if !goesOn {
				return
			}
		}
	}, nil
}

// external is the node as the graph sees it.
func (n Node) external() graph.External {
	e := graph.External{Dataset: n.Output, Version: n.Version, AsOf: n.AsOfDays > 0}
	for _, in := range n.Inputs {
		if in.PreviousDays == 0 && !slices.Contains(e.Inputs, in.Relation) {
			e.Inputs = append(e.Inputs, in.Relation)
		}
	}
	return e
}

func (n Node) validate() error {
	if err := n.Output.Validate(); err != nil {
		return fmt.Errorf("go model: %w", err)
	}
	partition, fault := n.Output.Partition, ""
	switch {
	case n.Version == "":
		fault = "Version is empty"
	case n.Build == nil:
		fault = "Build is nil"
	case n.Span < Whole || n.Span > Vintage:
		fault = "Span is not set"
	case n.Span == Windows && partition.Transform == dataset.None:
		fault = "a Windows node needs a partitioned output"
	case n.AsOfDays != 0 && (n.Span != Windows || n.AsOfDays < 0):
		fault = "AsOfDays is for Windows nodes, and not negative"
	case n.Due != nil && !slices.ContainsFunc(n.Output.Columns, func(c dataset.Column) bool { return c.Name == businessColumn && c.Type == dataset.String }):
		fault = "a node with Due needs an output with column " + businessColumn
	case n.Span == Vintage && partition.Transform != dataset.Day:
		fault = "a Vintage node needs an output partitioned by day"
	}
	for _, in := range n.Inputs {
		if fault == "" && in.PreviousDays != 0 && (n.Span != Vintage || in.Relation != n.Output.Name) {
			fault = "only a Vintage node reads previous rows, and only its own"
		}
	}
	if fault != "" {
		return fmt.Errorf("go model %s: %s", n.Output.Name, fault)
	}
	return nil
}
