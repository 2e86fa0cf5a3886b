package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// open opens the session, once for the run.
func (b *batch) open(ctx context.Context) error {
	if b.session != nil {
		return nil
	}
	session, err := warehouse.Open(ctx, b.cfg.Session)
	b.session = session
	return err
}

// allWindows returns the windows in which the node can have rows: from its inputs'
// bounds and from the ledger, whose windows may hold rows that are to go.
func (b *batch) allWindows(ctx context.Context, q question) ([]dataset.Window, error) {
	var span dataset.Window
	extend := func(w dataset.Window) {
		if span.IsZero() {
			span = w
		}
		span = span.Union(w)
	}
	for _, e := range q.entries {
		if !e.window.IsZero() {
			extend(e.window)
		}
	}
	for _, table := range q.node.Tables {
		d := b.datasetOf(table)
		rows, found, err := b.bounds(ctx, d)
		if err != nil {
			return nil, err
		}
		if found {
			extend(q.shape.reaches(d, rows))
		}
	}
	if span.IsZero() && q.node.Kind != graph.Check {
		return nil, b.cfg.Lake.Ensure(ctx, q.node.Dataset) // an empty table is still one that others can read
	}
	if span.IsZero() {
		return nil, nil
	}
	return q.shape.split(span)
}

// bounds returns the window that a table's rows lie in, and false when it has none or no time column.
func (b *batch) bounds(ctx context.Context, d dataset.Dataset) (dataset.Window, bool, error) {
	if d.Time == "" || b.heads[d.Name] == 0 {
		return dataset.Window{}, false, nil
	}
	files, err := b.cfg.Lake.Files(ctx, d.Name, lakehouse.ReadOptions{Snapshot: b.heads[d.Name]})
	if err != nil || files.Rows == 0 {
		return dataset.Window{}, false, err
	}
	if err := b.open(ctx); err != nil {
		return dataset.Window{}, false, err
	}
	if err := b.session.Mount(ctx, withIDs(d, files.Dataset), files.Paths, dataset.Window{}); err != nil {
		return dataset.Window{}, false, err
	}
	least, greatest, found, err := b.session.Bounds(ctx, d.Name, d.Time)
	return dataset.Window{Start: least, End: greatest.Add(1)}, found, err
}

// execute computes the windows, commits them and returns the table's new snapshot; 0 for a check.
func (b *batch) execute(ctx context.Context, n graph.Node, sh shape, f filling, s *Step) (int64, error) {
	if n.Kind != graph.GoModel {
		if err := b.verify(ctx, n); err != nil {
			return 0, err
		}
	}
	if n.Kind == graph.Check {
		return 0, b.check(ctx, n, sh, f.windows, s)
	}
	if err := b.cfg.Lake.Ensure(ctx, n.Dataset); err != nil {
		return 0, err
	}
	staging, err := b.cfg.Lake.Stage(ctx, n.Dataset)
	if err != nil {
		return 0, err
	}
	for _, w := range group(f.windows) {
		if err = b.mountInputs(ctx, n, sh, w, s); err != nil {
			break
		}
		if n.Kind == graph.GoModel {
			err = b.build(ctx, b.nodes[n.Relation], w, f.only, staging, s)
		} else {
			err = b.compute(ctx, n, w, staging, s)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return 0, errors.Join(err, staging.Discard())
	}
	windows := f.windows
	if sh.span == Whole {
		windows = nil
	}
	commit := lakehouse.Commit{RunID: b.id.String(), Unit: commitUnit(n, sh, windows), Content: f.digest(), AsOf: b.asOf}
	result, err := staging.Replace(ctx, commit, windows)
	if err != nil {
		return 0, err
	}
	b.heads[n.Relation] = result.Snapshot
	return result.Snapshot, nil
}

// digest identifies the rows: the code, what it read and the windows. Rows follow from these, so
// equal digests mean equal rows.
func (f filling) digest() string {
	h := sha256.New()
	fmt.Fprintln(h, f.hash, f.windows)
	for _, table := range slices.Sorted(maps.Keys(f.inputs)) {
		fmt.Fprintln(h, table, f.inputs[table])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// verify holds the header of a model and of the views it reads against DuckDB's parser.
func (b *batch) verify(ctx context.Context, n graph.Node) error {
	inspect := func(query string) ([]string, []string, error) {
		q, err := b.session.Inspect(ctx, query)
		return q.Relations, q.Functions, err
	}
	for _, relation := range append(slices.Clone(n.Views), n.Relation) {
		if b.views[relation] {
			continue
		}
		m, _ := b.graph.Node(relation)
		if err := graph.Verify(m.Model, inspect); err != nil {
			return err
		}
	}
	return nil
}

// mountInputs mounts all that n reads, cut to what output window w reads, and counts the rows of the files.
func (b *batch) mountInputs(ctx context.Context, n graph.Node, sh shape, w dataset.Window, s *Step) error {
	if err := b.session.SetParameters(ctx, warehouse.Parameters{AsOf: b.asOf, Window: w}); err != nil {
		return err
	}
	for _, table := range n.Tables {
		d := b.datasetOf(table)
		rows, err := b.mount(ctx, d, sh.reads(d, w))
		if err != nil {
			return err
		}
		s.RowsIn += rows
	}
	for _, view := range n.Views {
		if b.views[view] {
			continue
		}
		v, _ := b.graph.Node(view)
		if err := b.session.DefineView(ctx, view, v.Model.SQL); err != nil {
			return fmt.Errorf("model %s: %w", v.Model.Path, err)
		}
		b.views[view] = true
	}
	return nil
}

// mount mounts a lake table at the run's snapshot and returns the rows of its files.
func (b *batch) mount(ctx context.Context, d dataset.Dataset, w dataset.Window) (int64, error) {
	head := b.heads[d.Name]
	if head == 0 {
		return 0, b.session.Mount(ctx, d, nil, w)
	}
	files, err := b.cfg.Lake.Files(ctx, d.Name, lakehouse.ReadOptions{Window: w, Snapshot: head})
	if err != nil {
		return 0, err
	}
	return files.Rows, b.session.Mount(ctx, withIDs(d, files.Dataset), files.Paths, w)
}

// withIDs gives declared columns the table's field ids. A column that the table does
// not have yet gets an id that no file holds, so that it reads as null.
func withIDs(declared, table dataset.Dataset) dataset.Dataset {
	const unused = 1 << 30
	columns := make([]dataset.Column, len(declared.Columns))
	for i, c := range declared.Columns {
		have, ok := table.Column(c.Name)
		if c.ID = have.ID; !ok {
			c.ID = unused + i
		}
		columns[i] = c
	}
	declared.Columns = columns
	return declared
}

// compute runs a SQL model for one window and stages its rows.
func (b *batch) compute(ctx context.Context, n graph.Node, w dataset.Window, staging *lakehouse.Staging, s *Step) error {
	result, err := b.session.Compute(ctx, n.Dataset, n.Model.SQL, w)
	if err != nil {
		return err
	}
	if err := result.CheckGrain(ctx, n.Model.Grain); err != nil {
		return err
	}
	if err := result.Export(ctx, staging.Dataset(), staging.NewFile); err != nil {
		return err
	}
	s.RowsOut += result.Rows
	return result.Drop(ctx)
}

// check runs a check for each group of windows; any row is a failure.
func (b *batch) check(ctx context.Context, n graph.Node, sh shape, windows []dataset.Window, s *Step) error {
	var samples []string
	for _, w := range group(windows) {
		if err := b.mountInputs(ctx, n, sh, w, s); err != nil {
			return err
		}
		result, err := b.session.Compute(ctx, n.Dataset, n.Model.SQL, w)
		if err != nil {
			return err
		}
		s.RowsOut += result.Rows
		found, err := result.Samples(ctx)
		if err != nil {
			return err
		}
		samples = append(samples, found...)
		if err := result.Drop(ctx); err != nil {
			return err
		}
	}
	if s.RowsOut > 0 {
		return fmt.Errorf("%d rows of %s offend (%s): %s", s.RowsOut, n.Guards, n.Model.Purpose, strings.Join(samples[:min(3, len(samples))], "; "))
	}
	return nil
}

// build runs a Go model for one window, and for only some businesses unless that is nil, and stages its rows.
func (b *batch) build(ctx context.Context, n Node, w dataset.Window, only []string, staging *lakehouse.Staging, s *Step) error {
	for _, in := range n.Inputs {
		if in.PreviousDays == 0 {
			continue
		}
		if _, err := b.mount(ctx, n.Output, dataset.Window{Start: w.Start.AddDate(0, 0, -in.PreviousDays), End: w.Start}); err != nil {
			return err
		}
	}
	var mu sync.Mutex
	p := Params{AsOf: b.asOf, Window: w, Threads: b.cfg.Session.Threads, Warn: func(warning error) {
		mu.Lock()
		defer mu.Unlock()
		s.Warnings = append(s.Warnings, warning)
	}}
	if p.Threads <= 0 {
		p.Threads = runtime.NumCPU()
	}
	batches, err := n.Build(ctx, Tables{session: b.session, lake: b.cfg.Lake, heads: b.heads, inputs: n.Inputs, window: w, only: only}, p)
	if err != nil {
		return err
	}
	batches = counted(batches, &s.RowsOut)
	if only != nil {
		batches = b.withOthers(ctx, n, w, only, batches)
	}
	return staging.WriteArrow(ctx, batches)
}

// counted adds the rows of passing batches to total.
func counted(batches iter.Seq2[arrow.RecordBatch, error], total *int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range batches {
			if err == nil {
				*total += batch.NumRows()
			}
			if !yield(batch, err) {
				return
			}
		}
	}
}
