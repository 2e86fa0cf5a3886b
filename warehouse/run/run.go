package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// Config says what a runner runs and on what.
type Config struct {
	// Lake is read and written. Required.
	Lake *lakehouse.Lake
	// Pool connects as role signalcraft_batch; it holds the ledger. Required. A run keeps one connection and uses one more.
	Pool *pgxpool.Pool
	// Models is the folder of SQL models, with one folder for each layer. Required.
	Models fs.FS
	// Nodes are the Go models; see Nodes. Nil means none.
	Nodes []Node
	// Raw are the datasets that models may read; nil means dataset.Raw().
	Raw []dataset.Dataset
	// Session limits DuckDB. Its zero value is usable.
	Session warehouse.Config
	// Now is the clock that durations and ledger entries are measured with. Required.
	Now func() time.Time
	// Observe is called at the start and end of each step, in order, by the goroutine that runs. Nil means nobody looks.
	Observe func(Event)
	// Logger receives a line for each step; nil discards.
	Logger *slog.Logger
}

// Request says what to run.
type Request struct {
	// RunID is a UUID; it is recorded in the lake and the ledger.
	RunID string
	// AsOf is the run's instant.
	AsOf time.Time
	// Only are relations to run, with all they read and the checks of these. Nil means all.
	Only []string
	// Except are relations to leave out, with all that reads them.
	Except []string
}

// Runner runs batches. Several runs at once, also of several processes, wait for each other.
type Runner struct {
	cfg    Config
	graph  *graph.Graph
	nodes  map[string]Node
	ledger ledger
}

// New parses the models and orders them. It does no other work; the error names each
// file or field that is wrong.
func New(cfg Config) (*Runner, error) {
	if cfg.Lake == nil || cfg.Pool == nil || cfg.Models == nil || cfg.Now == nil {
		return nil, errors.New("new runner: Config needs Lake, Pool, Models and Now")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Event) {}
	}
	if cfg.Raw == nil {
		cfg.Raw = dataset.Raw()
	}
	models, err := graph.Load(cfg.Models)
	if err != nil {
		return nil, fmt.Errorf("new runner: %w", err)
	}
	r := &Runner{cfg: cfg, nodes: map[string]Node{}, ledger: ledger{cfg.Pool}}
	var external []graph.External
	for _, n := range cfg.Nodes {
		if err := n.validate(); err != nil {
			return nil, fmt.Errorf("new runner: %w", err)
		}
		r.nodes[n.Output.Name] = n
		external = append(external, n.external())
	}
	if r.graph, err = graph.New(models, external, cfg.Raw); err != nil {
		return nil, fmt.Errorf("new runner: %w", err)
	}
	return r, nil
}

// Graph returns the relations in order.
func (r *Runner) Graph() *graph.Graph { return r.graph }

// Run brings every chosen relation up to date, in order. The error joins every failed
// model and check, and is the context's when it was cancelled; the report is valid in any case.
func (r *Runner) Run(ctx context.Context, req Request) (Report, error) {
	started := r.cfg.Now()
	report := Report{RunID: req.RunID, AsOf: req.AsOf.UTC()}
	b, err := r.newBatch(req, &report)
	if err != nil {
		return report, fmt.Errorf("run %s: %w", req.RunID, err)
	}
	unlock, err := r.ledger.lock(ctx)
	if err != nil {
		return report, fmt.Errorf("run %s: %w", req.RunID, err)
	}
	defer unlock()
	err = b.run(ctx)
	report.Took = r.cfg.Now().Sub(started)
	if err != nil {
		return report, fmt.Errorf("run %s: %w", req.RunID, err)
	}
	return report, nil
}

// newBatch checks the request and chooses the relations.
func (r *Runner) newBatch(req Request, report *Report) (*batch, error) {
	id, err := uuid.Parse(req.RunID)
	if err != nil {
		return nil, fmt.Errorf("run id: %w", err)
	}
	if req.AsOf.IsZero() {
		return nil, errors.New("the as-of instant is not set")
	}
	for _, relation := range slices.Concat(req.Only, req.Except) {
		if _, ok := r.graph.Node(relation); !ok {
			return nil, fmt.Errorf("no model makes relation %s", relation)
		}
	}
	return &batch{Runner: r, id: id, asOf: req.AsOf.UTC(), report: report, chosen: r.choose(req), memo: map[memoKey]lakehouse.Change{}, owners: map[differenceKey]owners{}, views: map[string]bool{}}, nil
}

// choose returns the relations that the request asks for, in graph order.
func (r *Runner) choose(req Request) []graph.Node {
	nodes := r.graph.Nodes()
	wanted := map[string]bool{}
	for _, n := range slices.Backward(nodes) {
		if req.Only == nil || slices.Contains(req.Only, n.Relation) {
			wanted[n.Relation] = true
		}
		if wanted[n.Relation] {
			for _, input := range n.Inputs {
				wanted[input] = true
			}
		}
	}
	left := map[string]bool{}
	var chosen []graph.Node
	for _, n := range nodes {
		if slices.Contains(req.Except, n.Relation) || slices.ContainsFunc(n.Inputs, func(input string) bool { return left[input] }) {
			left[n.Relation] = true
			continue
		}
		if wanted[n.Relation] || (n.Kind == graph.Check && r.covered(n, wanted)) {
			chosen = append(chosen, n)
		}
	}
	return chosen
}

// covered reports whether all that a check reads is wanted or raw.
func (r *Runner) covered(n graph.Node, wanted map[string]bool) bool {
	return !slices.ContainsFunc(n.Inputs, func(input string) bool {
		_, made := r.graph.Node(input)
		return made && !wanted[input]
	})
}
