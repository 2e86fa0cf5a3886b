package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// External is a relation that a Go model makes: a node of the graph without SQL.
type External struct {
	// Dataset is what it makes.
	Dataset dataset.Dataset
	// Inputs are the relations it reads.
	Inputs []string
	// Version changes whenever the code would give other rows for the same inputs.
	Version string
	// AsOf is true when rows also depend on the run's as-of day.
	AsOf bool
}

// Node is one relation of the graph that something makes.
type Node struct {
	// Relation is schema and name.
	Relation string
	// Kind is View, Table, Window, Check or GoModel.
	Kind Kind
	// Model is the SQL file; zero for a Go model.
	Model Model
	// Dataset is the shape of the relation.
	Dataset dataset.Dataset
	// Inputs are the relations read, run.parameters and run.window left out, sorted.
	Inputs []string
	// Tables are the stored relations that the node reads at last, through any views, sorted: raw datasets, marts and anomalies.
	Tables []string
	// Views are the views that stand between, each after those it reads.
	Views []string
	// AsOf is true when the node or one of its views reads run.parameters, or a Go model says so.
	AsOf bool
	// Hash is a digest of all code that decides the rows: the node's own and its views'.
	Hash string
	// Guards is the relation that a check speaks about; empty for others.
	Guards string
}

// Graph is the relations in an order in which each comes after its inputs.
type Graph struct {
	nodes []Node
	index map[string]int
	raw   map[string]dataset.Dataset
}

// New orders the models, Go models and raw datasets. It refuses unknown inputs,
// cycles, names that stand twice and reads against the layers; the error joins all that it found and each names its file.
func New(models []Model, external []External, raw []dataset.Dataset) (*Graph, error) {
	g := &Graph{index: map[string]int{}, raw: map[string]dataset.Dataset{}}
	for _, d := range raw {
		g.raw[d.Name] = d
	}
	var broken []error
	made := map[string]Node{}
	for _, n := range slices.Concat(fromModels(models), fromExternal(external)) {
		if _, twice := made[n.Relation]; twice {
			broken = append(broken, fmt.Errorf("%s: relation %s is made twice", n.origin(), n.Relation))
		}
		made[n.Relation] = n
	}
	for _, relation := range sortedKeys(made) {
		broken = append(broken, g.checkInputs(made[relation], made)...)
	}
	if err := errors.Join(broken...); err != nil {
		return nil, err
	}
	if err := g.order(made); err != nil {
		return nil, err
	}
	return g, nil
}

// Nodes returns the relations in order: inputs first, then by name.
func (g *Graph) Nodes() []Node { return slices.Clone(g.nodes) }

// Node returns the relation's node and whether something of the graph makes it.
func (g *Graph) Node(relation string) (Node, bool) {
	i, ok := g.index[relation]
	if !ok {
		return Node{}, false
	}
	return g.nodes[i], true
}

// Dataset returns the shape of any relation: raw or made.
func (g *Graph) Dataset(relation string) (dataset.Dataset, bool) {
	if d, ok := g.raw[relation]; ok {
		return d, true
	}
	n, ok := g.Node(relation)
	return n.Dataset, ok
}

func fromModels(models []Model) []Node {
	nodes := make([]Node, 0, len(models))
	for _, m := range models {
		inputs := slices.DeleteFunc(slices.Clone(m.Inputs), func(input string) bool { return input == Parameters || input == OutputWindow })
		slices.Sort(inputs)
		nodes = append(nodes, Node{Relation: m.Relation, Kind: m.Kind(), Model: m, Dataset: m.Dataset(), Inputs: inputs, AsOf: m.ReadsParameters(), Hash: m.hash()})
	}
	return nodes
}

func fromExternal(external []External) []Node {
	nodes := make([]Node, 0, len(external))
	for _, e := range external {
		inputs := slices.Clone(e.Inputs)
		slices.Sort(inputs)
		nodes = append(nodes, Node{Relation: e.Dataset.Name, Kind: GoModel, Dataset: e.Dataset, Inputs: inputs, Hash: e.Version, AsOf: e.AsOf})
	}
	return nodes
}

// origin names where the node is written, for errors.
func (n Node) origin() string {
	if n.Kind == GoModel {
		return "go model " + n.Relation
	}
	return "model " + n.Model.Path
}

// reads lists what each layer may read. Go models stand in marts and anomalies.
var reads = map[string][]string{
	"staging":   {"raw"},
	"marts":     {"staging", "marts"},
	"anomalies": {"marts", "anomalies"},
	"checks":    {"raw", "staging", "marts", "anomalies"},
}

func (g *Graph) checkInputs(n Node, made map[string]Node) []error {
	var broken []error
	layer := n.Dataset.Namespace()
	for _, input := range n.Inputs {
		target, isMade := made[input]
		if _, isRaw := g.raw[input]; !isMade && !isRaw {
			broken = append(broken, fmt.Errorf("%s: input %s: nothing makes it", n.origin(), input))
			continue
		}
		inputLayer, _, _ := strings.Cut(input, ".")
		if !slices.Contains(reads[layer], inputLayer) || target.Kind == Check {
			broken = append(broken, fmt.Errorf("%s: input %s: %s may read %s only", n.origin(), input, layer, strings.Join(reads[layer], ", ")))
		}
	}
	if n.Kind == Check && guarded(n) == "" {
		broken = append(broken, fmt.Errorf("%s: the name must be an input's name, an underscore and the rule", n.origin()))
	}
	return broken
}

// guarded returns the input whose name the check's begins with, the longest if several do.
func guarded(n Node) string {
	best := ""
	for _, input := range n.Inputs {
		_, name, _ := strings.Cut(input, ".")
		_, longest, _ := strings.Cut(best, ".")
		if strings.HasPrefix(n.Dataset.Table(), name+"_") && len(name) > len(longest) {
			best = input
		}
	}
	return best
}

// order fills the graph's nodes, inputs first, and what each learns from its inputs.
func (g *Graph) order(made map[string]Node) error {
	waiting := sortedKeys(made)
	for len(waiting) > 0 {
		later := waiting[:0:0]
		for _, relation := range waiting {
			n := made[relation]
			if slices.ContainsFunc(n.Inputs, func(input string) bool {
				_, isMade := made[input]
				_, isDone := g.index[input]
				return isMade && !isDone
			}) {
				later = append(later, relation)
				continue
			}
			g.index[relation] = len(g.nodes)
			g.nodes = append(g.nodes, g.complete(n))
		}
		if len(later) == len(waiting) {
			return g.cycle(later, made)
		}
		waiting = later
	}
	return nil
}

// complete follows views down to stored tables.
func (g *Graph) complete(n Node) Node {
	digest := sha256.New()
	digest.Write([]byte(n.Hash))
	for _, input := range n.Inputs {
		source, isMade := g.Node(input)
		if !isMade || source.Kind != View {
			n.Tables = append(n.Tables, input)
			continue
		}
		n.Tables = append(n.Tables, source.Tables...)
		n.Views = append(append(n.Views, source.Views...), input)
		n.AsOf = n.AsOf || source.AsOf
		digest.Write([]byte("\x00" + source.Hash))
	}
	slices.Sort(n.Tables)
	n.Tables = slices.Compact(n.Tables)
	n.Views = firsts(n.Views)
	n.Hash = hex.EncodeToString(digest.Sum(nil))
	n.Guards = ""
	if n.Kind == Check {
		n.Guards = guarded(n)
	}
	return n
}

// cycle names one cycle among the relations that could not be ordered.
func (g *Graph) cycle(stuck []string, made map[string]Node) error {
	path := []string{stuck[0]}
	for {
		n := made[path[len(path)-1]]
		next := n.Inputs[slices.IndexFunc(n.Inputs, func(input string) bool { return slices.Contains(stuck, input) })]
		if at := slices.Index(path, next); at >= 0 {
			path = append(path[at:], next)
			return fmt.Errorf("%s: cycle %s", made[next].origin(), strings.Join(path, " reads "))
		}
		path = append(path, next)
	}
}

// firsts keeps the first of equal names, in order.
func firsts(names []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func sortedKeys(made map[string]Node) []string {
	names := make([]string, 0, len(made))
	for name := range made {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
