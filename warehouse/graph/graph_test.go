package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// text writes a model file with one key column.
func text(relation, inputs, built string) string {
	return fmt.Sprintf("-- relation: %s\n-- purpose: P.\n-- grain: id\n-- inputs: %s\n-- built: %s\n-- owner: o\n-- columns:\n--   id date - key\nselect id from %s\n", relation, inputs, built, inputs)
}

// load makes models of "relation <- inputs, built" lines.
func load(t *testing.T, lines ...string) []graph.Model {
	t.Helper()
	files := fstest.MapFS{}
	for _, line := range lines {
		relation, rest, _ := strings.Cut(line, " <- ")
		inputs, built, _ := strings.Cut(rest, " | ")
		layer, name, _ := strings.Cut(relation, ".")
		files[layer+"/"+name+".sql"] = &fstest.MapFile{Data: []byte(text(relation, inputs, built))}
	}
	models, err := graph.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return models
}

func raw(names ...string) []dataset.Dataset {
	var all []dataset.Dataset
	for _, name := range names {
		all = append(all, dataset.Dataset{Name: name, Columns: []dataset.Column{{ID: 1, Name: "id", Type: dataset.Date}}})
	}
	return all
}

func forecasts() graph.External {
	return graph.External{Dataset: raw("marts.forecasts")[0], Inputs: []string{"marts.daily", "staging.b"}, Version: "1"}
}

func base() []string {
	return []string{
		"staging.a <- raw.a | view",
		"staging.b <- raw.b, run.parameters | view",
		"marts.daily <- staging.a, staging.b | window id by month",
		"marts.trend <- marts.daily, run.window | window id by month lookback 7 days",
		"marts.weekly <- marts.daily | table",
		"anomalies.odd <- marts.weekly, marts.forecasts | table",
		"checks.daily_finite <- marts.daily, staging.a | view",
	}
}

func TestOrderPutsInputsFirst(t *testing.T) {
	g, err := graph.New(load(t, base()...), []graph.External{forecasts()}, raw("raw.a", "raw.b"))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, n := range g.Nodes() {
		for _, input := range n.Inputs {
			if _, isMade := g.Node(input); isMade && !slices.Contains(order, input) {
				t.Errorf("%s comes before its input %s", n.Relation, input)
			}
		}
		order = append(order, n.Relation)
	}
	if len(order) != 8 {
		t.Errorf("order = %v, want 8 relations", order)
	}
	node := func(relation string) graph.Node {
		n, ok := g.Node(relation)
		if !ok {
			t.Fatalf("no node %s", relation)
		}
		return n
	}
	if n := node("marts.daily"); !slices.Equal(n.Tables, []string{"raw.a", "raw.b"}) || !slices.Equal(n.Views, []string{"staging.a", "staging.b"}) || !n.AsOf {
		t.Errorf("marts.daily: tables %v, views %v, as of %v", n.Tables, n.Views, n.AsOf)
	}
	if n := node("marts.weekly"); !slices.Equal(n.Tables, []string{"marts.daily"}) || n.AsOf {
		t.Errorf("marts.weekly: tables %v, as of %v: a stored table hides what lies behind it", n.Tables, n.AsOf)
	}
	if n := node("marts.trend"); !slices.Equal(n.Inputs, []string{"marts.daily"}) || !slices.Equal(n.Tables, n.Inputs) || n.AsOf {
		t.Errorf("marts.trend: inputs %v, tables %v, as of %v: run.window is no input that changes", n.Inputs, n.Tables, n.AsOf)
	}
	if n := node("marts.forecasts"); n.Kind != graph.GoModel || !slices.Equal(n.Tables, []string{"marts.daily", "raw.b"}) {
		t.Errorf("marts.forecasts: kind %s, tables %v", n.Kind, n.Tables)
	}
	if n := node("checks.daily_finite"); n.Kind != graph.Check || n.Guards != "marts.daily" {
		t.Errorf("checks.daily_finite: kind %s, guards %q", n.Kind, n.Guards)
	}
}

func TestHashFollowsViewsAndNotProse(t *testing.T) {
	hash := func(models []graph.Model) string {
		g, err := graph.New(models, []graph.External{forecasts()}, raw("raw.a", "raw.b"))
		if err != nil {
			t.Fatal(err)
		}
		n, _ := g.Node("marts.daily")
		return n.Hash
	}
	models := load(t, base()...)
	before := hash(models)
	for i := range models {
		models[i].Purpose, models[i].Owner = "Another sentence.", "somebody"
	}
	if hash(models) != before {
		t.Error("prose changed the hash")
	}
	at := slices.IndexFunc(models, func(m graph.Model) bool { return m.Relation == "staging.a" })
	models[at].SQL += " where id > date '2020-01-01'"
	if hash(models) == before {
		t.Error("a changed view did not change the hash of the mart that reads it")
	}
}

func TestNewRefuses(t *testing.T) {
	check := func(want []string, lines ...string) {
		t.Helper()
		_, err := graph.New(load(t, append(base(), lines...)...), []graph.External{forecasts()}, raw("raw.a", "raw.b"))
		if err == nil {
			t.Errorf("%v: no error, want one with %q", lines, want)
			return
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v: error %v lacks %q", lines, err, part)
			}
		}
	}
	check([]string{"staging/c.sql", "raw.c: nothing makes it"}, "staging.c <- raw.c | view")
	check([]string{"marts/c.sql", "raw.a: marts may read staging, marts only"}, "marts.c <- raw.a | table")
	check([]string{"staging/c.sql", "marts.daily: staging may read raw"}, "staging.c <- marts.daily | view")
	check([]string{"anomalies/c.sql", "staging.a: anomalies may read marts"}, "anomalies.c <- staging.a | table")
	check([]string{"marts/c.sql", "anomalies.odd"}, "marts.c <- anomalies.odd | table")
	check([]string{"checks/c.sql", "checks.daily_finite"}, "checks.c <- checks.daily_finite | view")
	check([]string{"checks/finite.sql", "the rule"}, "checks.finite <- marts.daily | view")
	check([]string{"relation marts.forecasts is made twice"}, "marts.forecasts <- marts.daily | table")
	check([]string{"marts/c.sql", "cycle marts.c reads marts.d reads marts.c"}, "marts.c <- marts.d | table", "marts.d <- marts.c | table", "marts.before <- marts.c | table")
	check([]string{"marts/c.sql", "marts/d.sql"}, "marts.c <- raw.a | table", "marts.d <- raw.zzz | table")
}

func TestLoadReportsEveryBrokenFile(t *testing.T) {
	_, err := graph.Load(fstest.MapFS{
		"marts/a.sql":        {Data: []byte("select 1")},
		"marts/b.sql":        {Data: []byte("select 2")},
		"marts/b.test.txtar": {Data: []byte("not a model")},
	})
	if err == nil || !strings.Contains(err.Error(), "marts/a.sql") || !strings.Contains(err.Error(), "marts/b.sql") {
		t.Errorf("error = %v, want both files named", err)
	}
}

func TestVerify(t *testing.T) {
	m := load(t, "marts.daily <- staging.a, staging.b | table")[0]
	check := func(relations, functions []string, parse error, want string) {
		t.Helper()
		err := graph.Verify(m, func(query string) ([]string, []string, error) {
			if query != m.SQL {
				t.Errorf("inspected %q, want the SELECT", query)
			}
			return relations, functions, parse
		})
		if (want == "") != (err == nil) || (err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "marts/daily.sql"))) {
			t.Errorf("reads %v, calls %v: error %v, want one with %q and the path", relations, functions, err, want)
		}
	}
	both := []string{"staging.a", "staging.b"}
	check(both, []string{"sum", "date_trunc"}, nil, "")
	check([]string{"staging.a"}, nil, nil, "names input staging.b and does not read it")
	check(append(both, "staging.c"), nil, nil, "reads staging.c")
	check(append(both, "c"), nil, nil, `relation "c" has no schema`)
	check(both, []string{"now"}, nil, "calls now, which reads the clock")
	check(both, []string{"read_csv"}, nil, "reads files")
	check(nil, nil, errors.New("two statements"), "two statements")
}
