package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/warehouse/publish"
)

// commandVariable makes the test binary behave as the command, so that tests can start
// it as a process of its own and kill it.
const commandVariable = "SIGNALCRAFT_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) != "" {
		main()
	}
	storetest.Main(m)
}

// testSettings are the defaults with everything in a temporary folder.
func testSettings(dir string) *Settings {
	return &Settings{DataDir: dir, Listen: "127.0.0.1:0", MemoryMB: 512, Workers: 2, LogLevel: slog.LevelWarn, LogFormat: "text", GeonamesUser: "demo",
		GdeltURL: "https://api.gdeltproject.org", GdeltFilesURL: "http://data.gdeltproject.org", OpenMeteoURL: "https://api.open-meteo.com", OpenMeteoArchive: "https://archive-api.open-meteo.com",
		GeonamesURL: "https://secure.geonames.org", RatesURL: "https://api.frankfurter.dev"}
}

// opened opens an installation and closes it after the test.
func opened(t *testing.T, settings *Settings) *installation {
	t.Helper()
	i, err := settings.open(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Errorf("close installation: %v", err)
		}
	})
	return i
}

// dump returns every row of every lake table and published table as sorted text.
func (i *installation) dump(t *testing.T) map[string][]string {
	t.Helper()
	tables := map[string][]string{}
	heads, err := i.lake.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name := range heads {
		tables[name] = i.dumpLake(t, name)
	}
	for _, table := range publish.Tables() {
		tables["serving."+table.Name] = i.dumpServing(t, table.Name)
	}
	return tables
}

func (i *installation) dumpLake(t *testing.T, name string) []string {
	t.Helper()
	batches, err := i.lake.Scan(t.Context(), name, nil, lakehouse.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for batch, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(batch.NumRows()) {
			var text strings.Builder
			for k, field := range batch.Schema().Fields() {
				fmt.Fprintf(&text, "%s=%s ", field.Name, batch.Column(k).ValueStr(row))
			}
			rows = append(rows, text.String())
		}
	}
	slices.Sort(rows)
	return rows
}

func (i *installation) dumpServing(t *testing.T, name string) []string {
	t.Helper()
	found, err := i.pool.Query(t.Context(), "select to_jsonb(x)::text from "+pgx.Identifier{"serving", name}.Sanitize()+" as x")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// sameTables reports each difference between two dumps, three rows of a table at most.
func sameTables(t *testing.T, what string, want, got map[string][]string) {
	t.Helper()
	for name, rows := range want {
		if slices.Equal(rows, got[name]) {
			continue
		}
		lost, gained := without(rows, got[name]), without(got[name], rows)
		t.Errorf("%s: table %s has %d rows, want %d; lost %q, gained %q", what, name, len(got[name]), len(rows), lost[:min(3, len(lost))], gained[:min(3, len(gained))])
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: table %s is not expected", what, name)
		}
	}
}

// without returns what of a, sorted, is not in b, sorted; repeated rows count.
func without(a, b []string) []string {
	var left []string
	k := 0
	for _, row := range a {
		for k < len(b) && b[k] < row {
			k++
		}
		if k < len(b) && b[k] == row {
			k++
			continue
		}
		left = append(left, row)
	}
	return left
}
