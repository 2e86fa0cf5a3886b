package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// batch is one run under way.
type batch struct {
	*Runner
	id     uuid.UUID
	asOf   time.Time
	chosen []graph.Node
	report *Report

	heads   map[string]int64 // snapshot at which each table is read
	entries map[string][]entry
	memo    map[memoKey]lakehouse.Change
	owners  map[differenceKey]owners
	session *warehouse.Session // nil until the first stale step
	views   map[string]bool    // defined in the session
}

type memoKey struct {
	table       string
	since, head int64
}

// run runs every chosen relation and returns the joined failures.
func (b *batch) run(ctx context.Context) (err error) {
	if b.heads, err = b.cfg.Lake.Heads(ctx); err != nil {
		return err
	}
	if b.entries, err = b.ledger.read(ctx); err != nil {
		return err
	}
	defer func() {
		if b.session != nil {
			err = errors.Join(err, b.session.Close())
		}
	}()
	var failures []error
	steps := slices.DeleteFunc(slices.Clone(b.chosen), func(n graph.Node) bool { return n.Kind == graph.View })
	for _, n := range b.chosen {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(failures, err)...)
		}
		if n.Kind == graph.View {
			continue
		}
		at := slices.IndexFunc(steps, func(s graph.Node) bool { return s.Relation == n.Relation })
		event := Event{Step: Step{Name: n.Relation, Kind: n.Kind}, Index: at + 1, Total: len(steps)}
		b.cfg.Observe(event)
		event.Step, event.Done = b.step(ctx, n), true
		b.report.Steps = append(b.report.Steps, event.Step)
		event.Step.log(b.cfg.Logger, b.id.String())
		b.cfg.Observe(event)
		if event.Step.Err != nil {
			failures = append(failures, event.Step.Err)
		}
	}
	return errors.Join(failures...)
}

// step runs one relation unless an input failed or nothing of it is stale.
func (b *batch) step(ctx context.Context, n graph.Node) Step {
	started := b.cfg.Now()
	s := Step{Name: n.Relation, Kind: n.Kind}
	if input := b.failedInput(n); input != "" {
		s.Skipped = fmt.Sprintf("input %s failed", input)
		return s
	}
	if err := b.fill(ctx, n, &s); err != nil {
		s.Err = fmt.Errorf("%s %s: %w", kindWord(n.Kind), n.Relation, err)
	}
	s.Took = b.cfg.Now().Sub(started)
	return s
}

func kindWord(k graph.Kind) string {
	switch k {
	case graph.Check:
		return "check"
	case graph.GoModel:
		return "go model"
	}
	return "model"
}

// failedInput returns an input of n that has no good state: it failed or was skipped.
// A relation whose check failed is still read.
func (b *batch) failedInput(n graph.Node) string {
	for _, input := range n.Inputs {
		if s, ran := b.report.Step(input); ran && (s.Err != nil || (s.Skipped != "" && s.Skipped != UpToDate)) {
			return input
		}
		if source, made := b.graph.Node(input); made && source.Kind == graph.View {
			if failed := b.failedInput(source); failed != "" {
				return failed
			}
		}
	}
	return ""
}

// fill plans one relation, computes what is stale and writes the ledger.
func (b *batch) fill(ctx context.Context, n graph.Node, s *Step) error {
	q := b.question(ctx, n)
	a, err := q.plan()
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	f := filling{model: n.Relation, hash: n.Hash, inputs: q.inputs, advance: a.advance && q.shape.span != Vintage, runID: b.id}
	if a.all || len(a.windows) > 0 {
		if f.windows = a.windows; a.all {
			if f.windows, err = b.allWindows(ctx, q); err != nil {
				return fmt.Errorf("plan: %w", err)
			}
		}
		f.advance = q.shape.span == Windows
	}
	s.Windows = f.windows
	if len(f.windows) == 0 {
		s.Skipped = UpToDate
		if !f.advance {
			return nil
		}
		return b.ledger.fill(ctx, f)
	}
	if err := b.open(ctx); err != nil {
		return err
	}
	if f.only, err = b.businessesOf(ctx, n, q, f.windows); err != nil {
		return fmt.Errorf("find changed businesses: %w", err)
	}
	s.Businesses = len(f.only)
	if f.snapshot, err = b.execute(ctx, n, q.shape, f, s); err != nil {
		return err
	}
	f.at = b.cfg.Now()
	return b.ledger.fill(ctx, f)
}

// question gathers what decides the staleness of n.
func (b *batch) question(ctx context.Context, n graph.Node) question {
	q := question{node: n, asOf: b.asOf, entries: b.entries[n.Relation], inputs: map[string]int64{}, dataset: b.datasetOf, shape: shapeOf(n.Model)}
	if n.Kind == graph.GoModel {
		q.shape = shapeOfNode(b.nodes[n.Relation])
	}
	for _, table := range n.Tables {
		q.inputs[table] = b.heads[table]
	}
	if n.AsOf {
		q.inputs[graph.Parameters] = int64(dataset.ToDays(b.asOf))
	}
	if n.Kind != graph.Check {
		_, exists := b.heads[n.Relation]
		q.missing = !exists
	}
	q.changes = func(table string, since int64) (lakehouse.Change, error) { return b.changes(ctx, table, since) }
	return q
}

// changes asks the lake once for each pair of snapshots.
func (b *batch) changes(ctx context.Context, table string, since int64) (lakehouse.Change, error) {
	key := memoKey{table, since, b.heads[table]}
	if c, known := b.memo[key]; known {
		return c, nil
	}
	c, err := b.cfg.Lake.Changes(ctx, table, since)
	if err == nil {
		b.memo[key] = c
	}
	return c, err
}

func (b *batch) datasetOf(relation string) dataset.Dataset {
	d, _ := b.graph.Dataset(relation)
	return d
}
