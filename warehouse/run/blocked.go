package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// Blocked returns the relations that must not be published as they now lie in the lake,
// each with its cause: those with a check that has not passed for their newest snapshot, and
// all that reads one of them. It asks ledger and lake, so it also knows what another process found.
func (r *Runner) Blocked(ctx context.Context) (map[string]error, error) {
	b := &batch{Runner: r, memo: map[memoKey]lakehouse.Change{}}
	var err error
	if b.heads, err = r.cfg.Lake.Heads(ctx); err != nil {
		return nil, fmt.Errorf("find blocked relations: %w", err)
	}
	if b.entries, err = r.ledger.read(ctx); err != nil {
		return nil, fmt.Errorf("find blocked relations: %w", err)
	}
	blocked := map[string]error{}
	for _, n := range r.graph.Nodes() {
		if n.Kind != graph.Check {
			continue
		}
		passed, err := b.passed(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("find blocked relations: check %s: %w", n.Relation, err)
		}
		if !passed {
			blocked[n.Guards] = errors.Join(blocked[n.Guards], fmt.Errorf("check %s has not passed", n.Relation))
		}
	}
	for _, n := range r.graph.Nodes() {
		for _, input := range n.Inputs {
			if n.Kind != graph.Check && blocked[input] != nil && blocked[n.Relation] == nil {
				blocked[n.Relation] = fmt.Errorf("input %s: %w", input, blocked[input])
			}
		}
	}
	return blocked, nil
}

// passed reports whether a check holds for the guarded relation's newest snapshot. What else the check
// reads does not count: it may have moved on without the relation.
func (b *batch) passed(ctx context.Context, n graph.Node) (bool, error) {
	guarded, made := b.graph.Node(n.Guards)
	if !made || guarded.Kind == graph.View || b.heads[n.Guards] == 0 {
		return true, nil
	}
	q := b.question(ctx, n)
	q.inputs = map[string]int64{n.Guards: b.heads[n.Guards]}
	a, err := q.plan()
	if err != nil || (!a.all && len(a.windows) == 0) {
		return err == nil, err
	}
	if !a.all || slices.ContainsFunc(q.entries, func(e entry) bool { return e.hash != n.Hash }) {
		return false, nil
	}
	// A check by windows leaves no entry when there was no row to check.
	files, err := b.cfg.Lake.Files(ctx, n.Guards, lakehouse.ReadOptions{Snapshot: b.heads[n.Guards]})
	return files.Rows == 0, err
}
