package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// maxWindows is how many windows one model may have: two hundred years of months. A
// single row with a mistyped year would otherwise plan hundreds of thousands.
const maxWindows = 2400

// shape says how a node's rows are divided into windows.
type shape struct {
	span      Span
	time      dataset.Column // that windows are cut on; zero for Whole
	by        dataset.Transform
	lookback  int // days
	lookahead int // days
	asOf      int // days before the as-of day that depend on it; 0 when a new day makes all stale
}

// shapeOf returns the shape of a SQL model or check.
func shapeOf(m graph.Model) shape {
	if m.Built.Kind != graph.Window {
		return shape{span: Whole}
	}
	column, _ := m.Dataset().Column(m.Built.Time)
	return shape{span: Windows, time: column, by: m.Built.By, lookback: m.Built.LookbackDays, lookahead: m.Built.LookaheadDays}
}

// shapeOfNode returns the shape of a Go model.
func shapeOfNode(n Node) shape {
	column, _ := n.Output.Column(n.Output.Partition.Column)
	return shape{span: n.Span, time: column, by: n.Output.Partition.Transform, lookback: n.LookbackDays, asOf: n.AsOfDays}
}

// between returns what a move of the as-of day from before to now changes.
func (s shape) between(before, now int64) lakehouse.Change {
	if s.asOf == 0 {
		return lakehouse.Change{All: true}
	}
	first, last := dataset.FromDays(dataset.Days(min(before, now))), dataset.FromDays(dataset.Days(max(before, now)))
	return lakehouse.Change{Window: dataset.Window{Start: first.AddDate(0, 0, -s.asOf), End: last.AddDate(0, 0, 1)}}
}

// margin is how many days an input is read beyond the window on both sides: an
// instant's local day may lie a day away from its UTC day.
func (s shape) margin(input dataset.Dataset) int {
	column, ok := input.Column(input.Time)
	if ok && column.Type != s.time.Type {
		return 1
	}
	return 0
}

// reads returns the window of an input that the output window w reads.
func (s shape) reads(input dataset.Dataset, w dataset.Window) dataset.Window {
	if s.span != Windows || w.IsZero() {
		return dataset.Window{}
	}
	m := s.margin(input)
	return dataset.Window{Start: w.Start.AddDate(0, 0, -s.lookback-m), End: w.End.AddDate(0, 0, s.lookahead+m)}
}

// touches returns the window of output times that a change of an input at w can alter.
func (s shape) touches(input dataset.Dataset, w dataset.Window) dataset.Window {
	m := s.margin(input)
	return dataset.Window{Start: w.Start.AddDate(0, 0, -s.lookahead-m), End: w.End.AddDate(0, 0, s.lookback+m)}
}

// reaches returns the windows, whole partitions, in which an input's rows at w can
// make rows: touches without the lookback, which adds no row of its own.
func (s shape) reaches(input dataset.Dataset, w dataset.Window) dataset.Window {
	m := s.margin(input)
	return dataset.Window{Start: w.Start.AddDate(0, 0, -s.lookahead-m), End: w.End.AddDate(0, 0, m)}.Align(s.by)
}

// entry is one window of a model in the ledger.
type entry struct {
	window dataset.Window
	hash   string
	inputs map[string]int64
}

// question is what decides what of one node is stale.
type question struct {
	node    graph.Node
	shape   shape
	asOf    time.Time
	entries []entry
	// inputs are the snapshots to read now, and under run.parameters the as-of day if the node depends on it.
	inputs map[string]int64
	// missing is true when the node's table does not exist.
	missing bool
	dataset func(relation string) dataset.Dataset
	changes func(table string, since int64) (lakehouse.Change, error)
}

// answer is what of a node is stale.
type answer struct {
	// all is true when everything is; a Windows node's windows must then still be found from the inputs' bounds.
	all bool
	// windows are stale, ascending; one zero window for Whole.
	windows []dataset.Window
	// advance is true when entries that are not stale hold older inputs.
	advance bool
}

// plan answers q.
func (q question) plan() (answer, error) {
	switch q.shape.span {
	case Whole:
		return q.planOne(dataset.Window{})
	case Vintage:
		day := dataset.Day.Truncate(q.asOf)
		return q.planOne(dataset.Window{Start: day, End: dataset.Day.Next(day)})
	}
	return q.planWindows()
}

// planOne plans a node with one window to fill.
func (q question) planOne(w dataset.Window) (answer, error) {
	stale := answer{windows: []dataset.Window{w}}
	at := slices.IndexFunc(q.entries, func(e entry) bool { return e.window == w })
	if at < 0 || q.missing || q.entries[at].hash != q.node.Hash {
		return stale, nil
	}
	e := q.entries[at]
	changed, err := q.changed(e)
	if err != nil {
		return answer{}, err
	}
	if len(changed) > 0 {
		return stale, nil
	}
	return answer{advance: !maps.Equal(e.inputs, q.inputs)}, nil
}

// planWindows plans a node with many windows.
func (q question) planWindows() (answer, error) {
	if q.missing || len(q.entries) == 0 || slices.ContainsFunc(q.entries, func(e entry) bool { return e.hash != q.node.Hash }) {
		return answer{all: true}, nil
	}
	var a answer
	stale, filled := map[dataset.Window]bool{}, map[dataset.Window]bool{}
	for _, e := range q.entries {
		filled[e.window] = true
	}
	for _, e := range q.entries {
		changed, err := q.changed(e)
		if err != nil {
			return answer{}, err
		}
		for _, c := range changed {
			if c.All {
				return answer{all: true}, nil
			}
			input := q.dataset(c.table)
			if q.shape.touches(input, c.Window).Overlaps(e.window) {
				stale[e.window] = true
			}
			reached, err := q.shape.split(q.shape.reaches(input, c.Window))
			if err != nil {
				return answer{}, fmt.Errorf("input %s: %w", c.table, err)
			}
			for _, w := range reached {
				if !filled[w] {
					stale[w] = true
				}
			}
		}
		a.advance = a.advance || !maps.Equal(e.inputs, q.inputs)
	}
	a.windows = slices.SortedFunc(maps.Keys(stale), func(a, b dataset.Window) int { return a.Start.Compare(b.Start) })
	return a, nil
}

// change is what changed in one input.
type change struct {
	table string
	lakehouse.Change
}

// changed returns the inputs that differ from those of an entry in a way that counts, in table order.
func (q question) changed(e entry) ([]change, error) {
	var found []change
	for _, table := range slices.Sorted(maps.Keys(q.inputs)) {
		before, now := e.inputs[table], q.inputs[table]
		if before == now {
			continue
		}
		if table == graph.Parameters {
			found = append(found, change{table, q.shape.between(before, now)})
			continue
		}
		c, err := q.changes(table, before)
		if err != nil {
			return nil, err
		}
		if !c.None {
			found = append(found, change{table, c})
		}
	}
	return found, nil
}

// split cuts a window into the windows of the ledger.
func (s shape) split(w dataset.Window) ([]dataset.Window, error) {
	if w.End.Sub(w.Start) > maxWindows*31*24*time.Hour {
		return nil, fmt.Errorf("times of %s span more than %d windows; look for a mistyped year", w, maxWindows)
	}
	return w.Split(s.by), nil
}

// group joins windows that follow each other without a gap.
func group(windows []dataset.Window) []dataset.Window {
	sorted := slices.SortedFunc(slices.Values(windows), func(a, b dataset.Window) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	var groups []dataset.Window
	for _, w := range sorted {
		if last := len(groups) - 1; last >= 0 && groups[last].End.Equal(w.Start) {
			groups[last].End = w.End
			continue
		}
		groups = append(groups, w)
	}
	return groups
}
