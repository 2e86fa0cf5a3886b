package run_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// guess is a vintage node: for each KPI the number of days it has, plus its own last answer.
func guess() run.Node {
	output := dataset.Dataset{
		Name: "marts.guess", Columns: []dataset.Column{{Name: "kpi_id", Type: dataset.String}, {Name: "vintage", Type: dataset.Date}, {Name: "answer", Type: dataset.Int64}},
		Key: []string{"kpi_id", "vintage"}, Sort: []string{"kpi_id"}, Time: "vintage", Partition: dataset.Partition{Column: "vintage", Transform: dataset.Day},
	}
	return run.Node{
		Output: output, Version: "1", Span: run.Vintage,
		Inputs: []run.Input{
			{Relation: "marts.daily", Columns: []string{"kpi_id", "day"}, Order: []string{"kpi_id", "day"}},
			{Relation: "marts.guess", Columns: []string{"kpi_id", "answer"}, Order: []string{"kpi_id"}, PreviousDays: 1},
		},
		Build: func(ctx context.Context, in run.Tables, p run.Params) (iter.Seq2[arrow.RecordBatch, error], error) {
			answers := map[string]int64{}
			for i := range 2 {
				batches, err := in.Scan(ctx, i)
				if err != nil {
					return nil, err
				}
				for batch, err := range batches {
					if err != nil {
						return nil, err
					}
					for row := range int(batch.NumRows()) {
						kpi := strings.Clone(batch.Column(0).(*array.String).Value(row))
						if i == 0 {
							answers[kpi]++
							continue
						}
						answers[kpi] += batch.Column(1).(*array.Int64).Value(row)
					}
				}
			}
			p.Warn(errors.New("kpi x was left out"))
			return func(yield func(arrow.RecordBatch, error) bool) {
				b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
					{Name: "answer", Type: arrow.PrimitiveTypes.Int64}, {Name: "kpi_id", Type: arrow.BinaryTypes.String}, {Name: "vintage", Type: arrow.FixedWidthTypes.Date32},
				}, nil))
				defer b.Release()
				for _, kpi := range []string{"a", "z"} {
					b.Field(0).(*array.Int64Builder).Append(answers[kpi])
					b.Field(1).(*array.StringBuilder).Append(kpi)
					b.Field(2).(*array.Date32Builder).Append(arrow.Date32(dataset.ToDays(p.Window.Start)))
				}
				yield(b.NewRecordBatch(), nil)
			}, nil
		},
	}
}

func TestVintageNodeKeepsEveryDay(t *testing.T) {
	b := setup(t)
	b.nodes = []run.Node{guess()}
	b.landQuarter() // a has three days, z one
	report := b.run()
	step, _ := report.Step("marts.guess")
	if step.RowsOut != 2 || len(step.Warnings) != 1 {
		t.Errorf("first vintage: %d rows, warnings %v, want 2 and one", step.RowsOut, step.Warnings)
	}
	b.wantRows("marts.guess", "a 2024-06-01 3", "z 2024-06-01 1")

	b.asOf = b.asOf.Add(3 * time.Hour)
	if got := windows(t, b.run(), "marts.guess"); got != run.UpToDate {
		t.Errorf("a later run of the same day computed %s", got)
	}
	b.asOf = b.asOf.AddDate(0, 0, 1)
	b.run()
	b.wantRows("marts.guess", "a 2024-06-01 3", "z 2024-06-01 1", "a 2024-06-02 6", "z 2024-06-02 2")

	b.land("z 2024-03-11T10 1") // makes the current vintage again, from the same previous one
	b.run()
	b.wantRows("marts.guess", "a 2024-06-01 3", "z 2024-06-01 1", "a 2024-06-02 6", "z 2024-06-02 3")

	b.nodes[0].Version = "2"
	if got, want := windows(t, b.run(), "marts.guess"), "2024-06"; got != want {
		t.Errorf("a new version computed %q, want the current vintage", got)
	}
}

// month is a windows node over a view: it hands points through.
func month(build func(iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error]) run.Node {
	output := dataset.Dataset{
		Name: "marts.copied", Columns: []dataset.Column{{Name: "kpi_id", Type: dataset.String}, {Name: "at", Type: dataset.Timestamp}, {Name: "value", Type: dataset.Float64}},
		Key: []string{"kpi_id", "at"}, Sort: []string{"kpi_id", "at"}, Time: "at", Partition: dataset.Partition{Column: "at", Transform: dataset.Month},
	}
	return run.Node{
		Output: output, Version: "1", Span: run.Windows,
		Inputs: []run.Input{{Relation: "staging.point", Columns: []string{"kpi_id", "at", "value"}, Order: []string{"kpi_id", "at"}, Time: "at"}},
		Build: func(ctx context.Context, in run.Tables, _ run.Params) (iter.Seq2[arrow.RecordBatch, error], error) {
			batches, err := in.Scan(ctx, 0)
			if err != nil {
				return nil, err
			}
			return build(batches), nil
		},
	}
}

func TestWindowsNodeMakesStaleMonths(t *testing.T) {
	b := setup(t)
	b.nodes = []run.Node{month(func(in iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] { return in })}
	b.landQuarter()
	if got, want := windows(t, b.run(), "marts.copied"), "2024-01 2024-02 2024-03"; got != want {
		t.Errorf("first run computed %q, want %q", got, want)
	}
	b.land("a 2024-02-10T10 44")
	if got, want := windows(t, b.run(), "marts.copied"), "2024-02"; got != want {
		t.Errorf("after a correction computed %q, want %q", got, want)
	}
	b.wantRows("marts.copied", "a 2024-01-10 10:00:00Z 1", "a 2024-01-10 11:00:00Z 2", "a 2024-02-10 10:00:00Z 44", "a 2024-03-10 10:00:00Z 8", "z 2024-03-10 10:00:00Z 16")
}

func TestFailingNodeLeavesItsTable(t *testing.T) {
	b := setup(t)
	fails := false
	b.nodes = []run.Node{month(func(in iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for batch, err := range in {
				if !yield(batch, err) {
					return
				}
			}
			if fails {
				yield(nil, errors.New("out of wits"))
			}
		}
	})}
	b.landQuarter()
	b.run()
	before := b.rows("marts.copied")
	fails = true
	b.land("a 2024-02-10T10 44")
	_, err := b.runner().Run(t.Context(), b.request())
	if err == nil || !strings.Contains(err.Error(), "go model marts.copied") || !strings.Contains(err.Error(), "out of wits") {
		t.Errorf("error = %v, want the node's", err)
	}
	if after := b.rows("marts.copied"); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("rows changed from %v to %v", before, after)
	}
	b.wantRows("marts.total", "a 55", "z 16")
	fails = false
	b.run()
	if got := b.rows("marts.copied"); fmt.Sprint(got) == fmt.Sprint(before) {
		t.Error("the next run did not repair the table")
	}
}

func TestNewRefusesBadNodes(t *testing.T) {
	b := setup(t)
	check := func(change func(*run.Node), want string) {
		t.Helper()
		n := guess()
		change(&n)
		b.nodes = []run.Node{n}
		if _, err := run.New(b.config()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one with %q", err, want)
		}
	}
	check(func(n *run.Node) { n.Version = "" }, "Version")
	check(func(n *run.Node) { n.Build = nil }, "Build")
	check(func(n *run.Node) { n.Span = 0 }, "Span")
	check(func(n *run.Node) { n.Output.Partition.Transform = dataset.Month }, "partitioned by day")
	check(func(n *run.Node) { n.Inputs[0].Relation = "marts.nothing" }, "nothing makes it")
	check(func(n *run.Node) { n.Inputs[0].PreviousDays = 2 }, "only its own")
}
