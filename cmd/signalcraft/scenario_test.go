package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/adhoc"
)

// scenario is an installation with a database of its own, whose upstreams answer what
// the test says.
type scenario struct {
	*installation
	upstream string // the address of the server that answers for all upstreams
}

// newScenario opens an installation. Answers maps requests, as replay.Response.URL describes them, to bodies.
func newScenario(t *testing.T, answers map[string][]byte) *scenario {
	t.Helper()
	files, manifest := fstest.MapFS{}, replay.Manifest{Version: 1}
	for _, address := range slices.Sorted(maps.Keys(answers)) {
		name := id(address).String()
		files[name] = &fstest.MapFile{Data: answers[address]}
		manifest.Responses = append(manifest.Responses, replay.Response{File: name, URL: address})
	}
	handler, err := replay.New(files, manifest)
	if err != nil {
		t.Fatal(err)
	}
	return serving(t, handler, storetest.New(t).URL(""))
}

// serving opens an installation on a database, whose upstreams are those of handler.
func serving(t *testing.T, handler http.Handler, database string) *scenario {
	t.Helper()
	settings := testSettings(t.TempDir())
	settings.DatabaseURL = database
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &scenario{installation: opened(t, settings), upstream: server.URL}
}

// impatient returns the upstreams of the settings, found at address, that are asked again without a pause.
func impatient(t *testing.T, settings *Settings, address string) []fetch.Upstream {
	t.Helper()
	upstreams := settings.upstreams()
	for k := range upstreams {
		host, err := hostOf(upstreams[k].BaseURL)
		if err != nil {
			t.Fatal(err)
		}
		upstreams[k].BaseURL = replay.BaseURL(address, host)
		upstreams[k].MinInterval, upstreams[k].Backoff = 0, time.Millisecond
	}
	return upstreams
}

// id returns the id that a name stands for in tests.
func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

func (s *scenario) setUp(t *testing.T, setup store.Setup) {
	t.Helper()
	setup.User = store.User{ID: id("user"), Email: "owner@example.org", Name: "Owner"}
	setup.PasswordHash = "none"
	if _, err := s.data.AddSetup(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
}

// business adds a business, with its coordinates when it has them.
func (s *scenario) business(t *testing.T, b store.Business) uuid.UUID {
	t.Helper()
	b.ID = id(b.Name)
	s.setUp(t, store.Setup{Businesses: []store.Business{b}})
	if b.Latitude != nil {
		if _, err := s.data.SetPlace(t.Context(), b.ID, b.Place, 1, *b.Latitude, *b.Longitude); err != nil {
			t.Fatal(err)
		}
	}
	return b.ID
}

// file adds a source that reads path and its KPIs, of which the fields beyond name and
// grain may be left out. Their names are what a line's key says.
func (s *scenario) file(t *testing.T, business uuid.UUID, path string, spec kpi.Spec, kpis ...store.KPI) {
	t.Helper()
	source := store.Source{BusinessID: business, ID: id(business.String() + path + spec.Value), Name: path + " " + spec.Value, Kind: "file"}
	for k := range kpis {
		kpis[k].BusinessID, kpis[k].SourceID, kpis[k].ID = business, source.ID, id(kpis[k].Name)
		if kpis[k].Unit == "" {
			kpis[k].Unit = "pieces"
		}
		kpis[k].Aggregation, kpis[k].NonNegative = "sum", true
		series := kpi.Series{KPIID: kpis[k].ID.String(), NonNegative: true}
		if len(spec.Key) > 0 {
			series.Key = []string{kpis[k].Name}
		}
		spec.KPIs = append(spec.KPIs, series)
	}
	config, err := fileConfig(path, spec)
	if err != nil {
		t.Fatal(err)
	}
	source.Config = config
	s.setUp(t, store.Setup{Sources: []store.Source{source}, KPIs: kpis})
}

// put writes lines to a file of the inbox.
func (s *scenario) put(t *testing.T, name string, lines ...string) {
	t.Helper()
	if err := s.writeInbox(name, []byte(strings.Join(lines, "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
}

// nightly runs the whole batch in this process, with no memory of earlier runs but what
// they stored, and returns its steps by name: the last of a name counts.
func (s *scenario) nightly(t *testing.T, asOf time.Time) (map[string]step, error) {
	t.Helper()
	b, err := s.newBatch(impatient(t, s.settings, s.upstream))
	if err != nil {
		t.Fatal(err)
	}
	shown := newReport(io.Discard, s.now)
	err = b.byHand(t.Context(), "nightly", asOf, shown)
	steps := map[string]step{}
	for _, done := range shown.steps {
		steps[done.Name] = done
	}
	return steps, err
}

// ask answers a query over the lake. Rows is a pointer to a slice of structs whose json
// tags are the query's columns.
func (s *scenario) ask(t *testing.T, rows any, query string) {
	t.Helper()
	session, err := adhoc.Open(t.Context(), adhoc.Config{Lake: s.lake, Models: models.Files(), Session: warehouse.Config{TempDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}()
	var answer bytes.Buffer
	if err := session.Run(t.Context(), query, adhoc.JSON, &answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	decoder := json.NewDecoder(&answer)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(rows); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// reject is a row of the quarantine.
type reject struct {
	Source string `json:"source"`
	Unit   string `json:"unit"`
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	Raw    string `json:"raw"`
}

// quarantine returns what is in quarantine, in order of source, unit, line and reason; line 0 stands for none.
func (s *scenario) quarantine(t *testing.T) []reject {
	t.Helper()
	var rows []reject
	s.ask(t, &rows, `select source, unit, coalesce(line, 0) as line, reason, raw from raw.quarantine order by 1, 2, 3, 4`)
	return rows
}

// count is the number of rows that a relation has.
func (s *scenario) count(t *testing.T, relation string) int {
	t.Helper()
	var rows []struct {
		N int `json:"n"`
	}
	s.ask(t, &rows, "select count(*) as n from "+relation)
	return rows[0].N
}

// degrees is a coordinate.
func degrees(v float64) *float64 { return &v }
