package run

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// businessColumn names the business that a row belongs to, in every table whose rows belong to one.
const businessColumn = "business_id"

// fewOf is the share of the businesses, one in so many, above which all are made again: rows of a choice are read one by one, those of
// all in columns.
const fewOf = 2

// differenceKey names a table between two snapshots.
type differenceKey struct {
	table    string
	from, to int64
}

// owners are the businesses whose rows differ between two snapshots of a table.
type owners struct {
	businesses []string
	all        bool
}

// businessesOf returns the businesses whose rows of n change in the stale windows, in order; nil when those of all may.
func (b *batch) businessesOf(ctx context.Context, n graph.Node, q question, windows []dataset.Window) ([]string, error) {
	node, made := b.nodes[n.Relation]
	if !made || node.Due == nil || q.missing {
		return nil, nil
	}
	before, known, err := b.madeAsOf(ctx, n, q.shape, windows)
	if err != nil || !known || before.After(b.asOf) {
		return nil, err
	}
	found := map[string]bool{}
	for _, w := range windows {
		at := slices.IndexFunc(q.entries, func(e entry) bool { return e.window == w && e.hash == n.Hash })
		if at < 0 {
			return nil, nil
		}
		all, err := b.collectOwners(ctx, q, q.entries[at], found)
		if err != nil || all {
			return nil, err
		}
	}
	if err := b.collectDue(ctx, n, q.shape, node, before, found); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, nil // rows that no business has differ: nothing is known of whose they are
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// collectOwners adds the businesses whose inputs differ from those of an entry, and reports whether that may be all.
func (b *batch) collectOwners(ctx context.Context, q question, e entry, found map[string]bool) (all bool, err error) {
	for table, now := range q.inputs {
		before := e.inputs[table]
		if before == now {
			continue
		}
		if table == graph.Parameters {
			return true, nil
		}
		o, err := b.ownersOf(ctx, table, before, now)
		if err != nil || o.all {
			return true, err
		}
		for _, business := range o.businesses {
			found[business] = true
		}
	}
	return false, nil
}

// ownersOf finds whose rows differ between two snapshots of a table, once in a run.
func (b *batch) ownersOf(ctx context.Context, table string, from, to int64) (owners, error) {
	key := differenceKey{table, from, to}
	if o, known := b.owners[key]; known {
		return o, nil
	}
	o, err := b.findOwners(ctx, table, from, to)
	if err == nil {
		b.owners[key] = o
	}
	return o, err
}

func (b *batch) findOwners(ctx context.Context, table string, from, to int64) (owners, error) {
	d, known, err := b.cfg.Lake.Difference(ctx, table, from, to)
	if err != nil || !known {
		return owners{all: true}, err
	}
	if len(d.Removed)+len(d.Added) == 0 {
		return owners{}, nil
	}
	declared := b.datasetOf(table)
	if c, has := declared.Column(businessColumn); !has || c.Type != dataset.String {
		return owners{all: true}, nil
	}
	if err := b.open(ctx); err != nil {
		return owners{}, err
	}
	differing, all, err := b.session.Differing(ctx, withIDs(declared, d.Dataset), businessColumn, d.Removed, d.Added)
	if err != nil {
		return owners{}, err
	}
	many := len(d.Removed) > 0 && len(differing)*fewOf > all // what was only added to does not say how many there are
	return owners{businesses: differing, all: many || slices.Contains(differing, "")}, nil
}

// madeAsOf returns the instant that the table's rows of the windows were last made as of; false when that is not known.
func (b *batch) madeAsOf(ctx context.Context, n graph.Node, sh shape, windows []dataset.Window) (time.Time, bool, error) {
	snapshots, err := b.cfg.Lake.Snapshots(ctx, n.Relation)
	if err != nil {
		return time.Time{}, false, err
	}
	unit := commitUnit(n, sh, windows)
	for _, s := range slices.Backward(snapshots) {
		if s.Unit == unit && !s.AsOf.IsZero() {
			return s.AsOf, true, nil
		}
	}
	return time.Time{}, false, nil
}

// commitUnit names what a run commits of a node.
func commitUnit(n graph.Node, sh shape, windows []dataset.Window) string {
	if sh.span == Vintage {
		return n.Relation + "/" + windows[0].String()
	}
	return n.Relation
}

// collectDue adds the businesses whose rows are others since time has passed.
func (b *batch) collectDue(ctx context.Context, n graph.Node, sh shape, node Node, before time.Time, found map[string]bool) error {
	if err := b.open(ctx); err != nil {
		return err
	}
	if err := b.mountInputs(ctx, n, shape{span: Whole, time: sh.time}, dataset.Window{}, &Step{}); err != nil {
		return err
	}
	return node.Due(ctx, Tables{session: b.session, lake: b.cfg.Lake, heads: b.heads, inputs: node.Inputs}, before, b.asOf, found)
}

// withOthers follows the rows that were made for some businesses with those that the window holds of all others.
func (b *batch) withOthers(ctx context.Context, n Node, w dataset.Window, only []string, made iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range made {
			if !yield(batch, err) || err != nil {
				return
			}
		}
		others, err := b.others(ctx, n, w, only)
		if err != nil {
			yield(nil, fmt.Errorf("keep rows of other businesses: %w", err))
			return
		}
		others(yield)
	}
}

func (b *batch) others(ctx context.Context, n Node, w dataset.Window, only []string) (iter.Seq2[arrow.RecordBatch, error], error) {
	if _, err := b.mount(ctx, n.Output, dataset.Window{}); err != nil {
		return nil, err
	}
	sel := warehouse.Selection{Relation: n.Output.Name, Order: n.Output.Sort, Time: n.Output.Partition.Column, Window: w, Key: businessColumn, Keys: only, Except: true}
	for _, c := range n.Output.Columns {
		sel.Columns = append(sel.Columns, c.Name)
	}
	return b.session.Scan(ctx, sel)
}

// endedDays adds to due the businesses of which a day of an input ended, or had ended for a while, between two instants. The input is one of
// days of KPIs, with column business_id first.
func endedDays(ctx context.Context, in Tables, input int, before, now time.Time, whiles []time.Duration, due map[string]bool) error {
	const longest = 26 * time.Hour
	at, hours := slices.Index(in.inputs[input].Columns, "starts_at"), slices.Index(in.inputs[input].Columns, "hours_expected")
	for _, while := range whiles {
		batches, err := in.Between(ctx, input, "starts_at", dataset.Window{Start: before.Add(-while - longest), End: now})
		if err != nil {
			return err
		}
		for batch, err := range batches {
			if err != nil {
				return err
			}
			if err := addEnded(batch, at, hours, before.Add(-while), now.Add(-while), due); err != nil {
				return err
			}
		}
	}
	return nil
}

// addEnded adds the businesses of a batch's days that end after an instant and not after another one.
func addEnded(batch arrow.RecordBatch, at, hours int, after, until time.Time, due map[string]bool) error {
	businesses, err := texts(batch, 0)
	if err != nil {
		return err
	}
	starts, err := micros(batch, at)
	if err != nil {
		return err
	}
	lengths, err := integers(batch, hours)
	if err != nil {
		return err
	}
	for i, business := range businesses {
		end := time.UnixMicro(starts[i]).Add(time.Duration(lengths[i]) * time.Hour)
		if end.After(after) && !end.After(until) && !due[business] {
			due[strings.Clone(business)] = true
		}
	}
	return nil
}
