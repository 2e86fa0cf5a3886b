package warehousetest

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// Run runs the test file of every model in fsys, the folder of models, as subtests named
// by the model's path and the case. A model without a test file fails, and so does one that breaks a
// rule of the graph.
func Run(t *testing.T, fsys fs.FS) {
	t.Helper()
	models, err := graph.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if len(models) == 0 {
		t.Fatal("no model found")
	}
	if err := order(models); err != nil {
		t.Error(err)
	}
	known := relations(models)
	for _, model := range models {
		t.Run(strings.TrimSuffix(model.Path, ".sql"), func(t *testing.T) {
			t.Parallel()
			runModel(t, fsys, model, known)
		})
	}
}

// order puts the models in order, which finds unknown inputs, cycles and reads against the layers.
func order(models []graph.Model) error {
	var made []graph.External
	for _, d := range dataset.Made() {
		made = append(made, graph.External{Dataset: d})
	}
	_, err := graph.New(models, made, dataset.Raw())
	return err
}

// relations maps every relation that a model may read to its columns.
func relations(models []graph.Model) map[string]dataset.Dataset {
	known := map[string]dataset.Dataset{}
	for _, d := range slices.Concat(dataset.Raw(), dataset.Made()) {
		known[d.Name] = d
	}
	for _, model := range models {
		known[model.Relation] = model.Dataset()
	}
	return known
}

func runModel(t *testing.T, fsys fs.FS, model graph.Model, known map[string]dataset.Dataset) {
	path := strings.TrimSuffix(model.Path, ".sql") + ".test.txtar"
	text, err := fs.ReadFile(fsys, path)
	if err != nil {
		t.Fatalf("model %s has no test file: %v", model.Path, err)
	}
	cases, err := parseFile(text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(cases) < 2 || !slices.ContainsFunc(cases, func(c *testCase) bool { return !c.hasInputRows() }) {
		t.Errorf("%s: want at least a typical case and one without any input row", path)
	}
	session, err := warehouse.Open(t.Context(), warehouse.Config{Threads: 1, MemoryLimit: 512 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := graph.Verify(model, func(query string) ([]string, []string, error) {
		q, err := session.Inspect(t.Context(), query)
		return q.Relations, q.Functions, err
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t.Context(), session, model, known); err != nil {
				t.Errorf("%s: case %s: %v", path, c.name, err)
			}
		})
	}
}

// run mounts the case's inputs and compares the model's rows.
func (c *testCase) run(ctx context.Context, s *warehouse.Session, model graph.Model, known map[string]dataset.Dataset) error {
	for relation := range c.inputs {
		if !slices.Contains(model.Inputs, relation) || ofRun(relation) {
			return fmt.Errorf("input %s is not an input in the model's header", relation)
		}
	}
	for _, relation := range model.Inputs {
		if ofRun(relation) {
			continue
		}
		d, ok := known[relation]
		if !ok {
			return fmt.Errorf("input %s: no model or dataset of that name", relation)
		}
		if err := mount(ctx, s, d, c.inputs[relation]); err != nil {
			return fmt.Errorf("input %s: %w", relation, err)
		}
	}
	parameters, err := c.setParameters(ctx, s)
	if err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	d := model.Dataset()
	result, err := s.Compute(ctx, d, model.SQL, parameters.Window)
	if err != nil {
		return err
	}
	if err := result.CheckGrain(ctx, model.Grain); err != nil {
		return err
	}
	if err := compare(ctx, s, *c.want, d.Columns, result); err != nil {
		return fmt.Errorf("want: %w", err)
	}
	if err := c.runCTEs(ctx, s, model); err != nil || !slices.Contains(model.Inputs, graph.OutputWindow) {
		return err
	}
	return compareMonths(ctx, s, model, parameters)
}

func (c *testCase) runCTEs(ctx context.Context, s *warehouse.Session, model graph.Model) error {
	for _, cte := range slices.Sorted(maps.Keys(c.ctes)) {
		if err := runCTE(ctx, s, model, cte, c.ctes[cte]); err != nil {
			return fmt.Errorf("want/%s: %w", cte, err)
		}
	}
	return nil
}

func runCTE(ctx context.Context, s *warehouse.Session, model graph.Model, cte string, want table) error {
	query, err := s.SelectCTE(ctx, model.SQL, cte)
	if err != nil {
		return err
	}
	columns, err := s.Describe(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.Compute(ctx, dataset.Dataset{Name: cte, Columns: columns}, query, dataset.Window{})
	if err != nil {
		return err
	}
	return compare(ctx, s, want, columns, rows)
}

// compare checks the wanted columns' types and the rows.
func compare(ctx context.Context, s *warehouse.Session, want table, columns []dataset.Column, result *warehouse.Result) error {
	for _, column := range want.columns {
		if err := declared(column, columns); err != nil {
			return err
		}
	}
	got, err := result.Read(ctx, names(want.columns))
	if err != nil {
		return err
	}
	if err := s.MountRows(ctx, dataset.Dataset{Name: "want.rows", Columns: want.columns}, want.rows); err != nil {
		return err
	}
	wanted, err := s.Read(ctx, "from want.rows")
	if err != nil {
		return err
	}
	if text := diff(got.Rows, wanted.Rows); text != "" {
		return fmt.Errorf("(%s):\n%s", strings.Join(names(want.columns), ", "), text)
	}
	return nil
}

// mount gives an input its rows, with null in columns that the case leaves out.
func mount(ctx context.Context, s *warehouse.Session, d dataset.Dataset, given table) error {
	at := make([]int, len(d.Columns))
	for i, column := range d.Columns {
		at[i] = slices.IndexFunc(given.columns, func(c dataset.Column) bool { return c.Name == column.Name })
	}
	for _, column := range given.columns {
		if err := declared(column, d.Columns); err != nil {
			return err
		}
	}
	rows := make([][]any, len(given.rows))
	for i, row := range given.rows {
		rows[i] = make([]any, len(d.Columns))
		for j, from := range at {
			if from >= 0 {
				rows[i][j] = row[from]
			}
		}
	}
	return s.MountRows(ctx, d, rows)
}

// declared returns an error unless column is among columns with the same type.
func declared(column dataset.Column, columns []dataset.Column) error {
	for _, c := range columns {
		if c.Name == column.Name && c.Type == column.Type {
			return nil
		}
		if c.Name == column.Name {
			return fmt.Errorf("column %s is %s, not %s", c.Name, c.Type, column.Type)
		}
	}
	return fmt.Errorf("no column %s", column.Name)
}

func names(columns []dataset.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}
