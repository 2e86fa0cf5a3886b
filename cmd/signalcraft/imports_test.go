package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/signalcraft/signalcraft/"

// rule says which of the module's packages a package may import, and why. Patterns are
// package paths below the module; a final /* stands for the packages below, /** for
// the package and all below.
type rule struct {
	of     string
	may    []string
	reason string
}

// rules are looked up from the first on; the first that matches decides.
var rules = []rule{
	{"lakehouse/dataset", nil, "a leaf: it says what lies in the lake and knows nobody"},
	{"models/series", nil, "a leaf: columns of numbers"},
	{"sql/**", nil, "SQL text and its embedding, nothing else"},
	{"testdata/**", []string{"testdata/shared"}, "fixtures"},
	{"pipelines/fetch", nil, "a leaf: an HTTP client that knows no source"},
	{"pipelines/replay", nil, "a leaf: recorded answers over HTTP"},
	{"pipelines/jobs", nil, "a leaf: job functions are handed in"},
	{"api/store/cluster", nil, "a leaf: a Postgres server in a folder"},
	{"models/forecast", []string{"models/series"}, "numeric models see columns only"},
	{"models/anomaly", []string{"models/series"}, "numeric models see columns only"},
	{"models/sentiment", []string{"models/series"}, "numeric models see columns only"},
	{"models/sentiment/headlines", nil, "public sets of headlines and how well scores agree with them"},
	{"models/sentiment/train", []string{"models/sentiment", "models/sentiment/headlines"}, "a command that writes the weights"},
	{"models/trend", []string{"models/series"}, "numeric models see columns only"},
	{"models/backtest", []string{"models/series", "models/forecast", "models/anomaly"}, "measures what the models return"},
	{"lakehouse", []string{"lakehouse/dataset"}, "the lake knows its datasets only"},
	{"lakehouse/upkeep", []string{"lakehouse", "lakehouse/dataset"}, "looks after the lake only"},
	{"warehouse/graph", []string{"lakehouse/dataset"}, "pure: headers to an ordered graph"},
	{"pipelines/**", []string{"pipelines", "pipelines/fetch", "pipelines/kpi", "pipelines/kpi/*", "lakehouse", "lakehouse/dataset", "models/sentiment"}, "pipelines meet the warehouse in the lake"},
	{"warehouse", []string{"lakehouse", "lakehouse/dataset"}, "a DuckDB session over the lake"},
	{"warehouse/publish", []string{"lakehouse", "lakehouse/dataset", "sql/serving"}, "lake to Postgres, no DuckDB"},
	{"warehouse/*", []string{"warehouse", "warehouse/graph", "lakehouse", "lakehouse/dataset", "models/*", "sql/models"}, "warehouse never imports pipelines or api: it meets them in the lake and in Postgres"},
	{"api/store", []string{"sql/serving", "api/store/internal/query"}, "the one place that opens tenant transactions"},
	{"api/notify/address", nil, "a leaf: the syntax of addresses"},
	{"api/notify/message", []string{"api/store"}, "pure: texts of mails"},
	{"api/**", []string{"api/**"}, "api meets the warehouse in Postgres"},
	{"cmd/**", []string{"**"}, "commands wire everything"},
}

// libraries says which packages may import a library that must stay behind a border.
var libraries = []rule{
	{"github.com/duckdb/duckdb-go", []string{"warehouse/**"}, "DuckDB is a compute engine of the warehouse"},
	{"github.com/apache/iceberg-go", []string{"lakehouse/**"}, "only the lake knows its table format"},
	{"github.com/parquet-go/parquet-go", []string{"lakehouse/**", "pipelines/**"}, "rows are landed by pipelines, files are kept by the lake"},
	{"github.com/jackc/pgx", []string{"warehouse/publish", "warehouse/run", "pipelines/jobs", "pipelines/kpi/**", "api/store/**", "cmd/**"}, "Postgres is reached through the store, the ledger, publication and the job queue"},
	{"github.com/danielgtaylor/huma", []string{"api", "api/*"}, "HTTP operations live in api"},
	{"github.com/wneessen/go-mail", []string{"api/notify"}, "mail has one door"},
	{"github.com/riverqueue/river", []string{"pipelines/jobs"}, "the job queue has one door"},
}

func matches(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/**"); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(pkg) == base
	}
	return pattern == "**" || pattern == pkg
}

func allowed(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// testSupport reports whether pkg is a folder of test support, <package>test.
func testSupport(pkg string) bool {
	base := path.Base(pkg)
	return strings.HasSuffix(base, "test") && base != "backtest"
}

// eachFile calls visit for every Go file that is shipped, with its package's path below
// the module.
func eachFile(t *testing.T, visit func(pkg, file string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." || entry.Name() == "data" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(relative), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImports(t *testing.T) {
	checked := 0
	eachFile(t, func(pkg, file string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			checkImport(t, pkg, imported)
		}
	})
	if checked < 100 {
		t.Errorf("only %d imports were checked: is the tree complete?", checked)
	}
}

// checkImport reports the broken rule with its reason. Test support may import anything
// of the module; what it may not do is be imported by what is shipped.
func checkImport(t *testing.T, pkg, imported string) {
	t.Helper()
	if testSupport(pkg) {
		return
	}
	own, ours := strings.CutPrefix(imported, module)
	if !ours {
		for _, l := range libraries {
			if strings.HasPrefix(imported, l.of) && !allowed(l.may, pkg) {
				t.Errorf("%s imports %s, which only %v may: %s", pkg, imported, l.may, l.reason)
			}
		}
		return
	}
	if testSupport(own) {
		t.Errorf("%s imports %s: test support is imported only from tests", pkg, own)
	}
	if strings.HasPrefix(own, "cmd/") {
		t.Errorf("%s imports %s: nobody imports cmd", pkg, own)
	}
	for _, r := range rules {
		if matches(r.of, pkg) {
			if !allowed(r.may, own) {
				t.Errorf("%s imports %s, but may import only %v: %s", pkg, own, r.may, r.reason)
			}
			return
		}
	}
	t.Errorf("%s: no import rule covers this package: add a row to rules", pkg)
}
