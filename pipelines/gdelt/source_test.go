package gdelt_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

const listURL = "https://api.gdeltproject.org/api/v2/doc/doc?mode=ArtList&format=json&maxrecords=250&query="

var asOf = time.Date(2026, 10, 31, 18, 0, 0, 0, time.UTC)

func input() pipelines.Input {
	return pipelines.Input{AsOf: asOf, Window: dataset.Window{Start: asOf.AddDate(0, 0, -6), End: asOf}, Businesses: []dataset.BusinessRow{
		{BusinessID: "b2", NewsQuery: "harbour"}, {BusinessID: "b1", NewsQuery: "cafe"}, {BusinessID: "b4"}, {BusinessID: "b3", NewsQuery: " cafe "},
	}}
}

// entry is one article as the service writes it.
func entry(n int, title string, seen time.Time) string {
	return fmt.Sprintf(`{ "url": "https://news.example/%d", "url_mobile": "", "title": "%s", "seendate": "%s", "socialimage": "", "domain": "news.example", "language": "French", "sourcecountry": "France" }`,
		n, title, seen.Format("20060102T150405Z"))
}

func list(entries ...string) string { return `{"articles": [ ` + strings.Join(entries, ", ") + ` ] }` }

// answers are recorded responses by what follows listURL.
func answers(t *testing.T, bodies map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	manifest := replay.Manifest{Version: 1}
	for query, body := range bodies {
		name := fmt.Sprintf("%d.json", len(files))
		files[name] = &fstest.MapFile{Data: []byte(body)}
		manifest.Responses = append(manifest.Responses, replay.Response{File: name, URL: listURL + query, ContentType: "application/json; charset=utf-8"})
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = &fstest.MapFile{Data: text}
	return files
}

func goodAnswers(t *testing.T) fstest.MapFS {
	hour := func(n int) time.Time { return asOf.Add(-time.Duration(n) * time.Hour) }
	return answers(t, map[string]string{
		// Saturday's, Thursday's twice, one of the week before that is inside the window's week, and two outside.
		"cafe": list(entry(1, "Un café ferme , un autre ouvre", hour(1)), entry(2, "Grève", hour(47)), entry(2, "Grève", hour(47)),
			entry(8, "Week before", hour(24*8)), entry(3, "Too old", hour(24*13)), entry(4, "Not yet seen", hour(-1))),
		// A raw quote spoils one entry; an address without scheme another.
		"harbour": list(entry(5, "Storm \"Ida\" hits harbour", hour(2)), entry(6, "Calm", hour(3)), strings.Replace(entry(7, "x", hour(3)), "https://", "", 1)),
	})
}

func newSource(t testing.TB, env sourcetest.Env, c gdelt.Config) *gdelt.Source {
	t.Helper()
	upstream := gdelt.Upstream()
	upstream.BaseURL = env.BaseURL("api.gdeltproject.org")
	c.Client = env.Client(t, upstream)
	source, err := gdelt.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestSourceConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New:       func(t testing.TB, env sourcetest.Env) pipelines.Source { return newSource(t, env, gdelt.Config{}) },
		Input:     input(),
		Files:     goodAnswers(t),
		WantUnits: []string{"artlist/b1/2026-10-19", "artlist/b1/2026-10-26", "artlist/b2/2026-10-26", "artlist/b2/refused", "artlist/b3/2026-10-19", "artlist/b3/2026-10-26"},
		WantRows:  3 + 1 + 3,
	})
}

// read serves files in a bubble, so that the gaps between requests take no time.
func read(t *testing.T, files fstest.MapFS, c gdelt.Config, in pipelines.Input) (map[string]pipelines.Batch, []string, error) {
	t.Helper()
	batches := map[string]pipelines.Batch{}
	var err error
	var requests []string
	synctest.Test(t, func(t *testing.T) {
		handler, openErr := replay.Open(files)
		if openErr != nil {
			t.Fatal(openErr)
		}
		network := replay.NewNetwork(handler)
		defer network.Close()
		err = newSource(t, sourcetest.Env{Transport: network.Transport(), CacheDir: t.TempDir()}, c).Read(t.Context(), in, func(b pipelines.Batch) error {
			batches[b.Unit] = b
			return nil
		})
		requests = handler.Requests()
	})
	return batches, requests, err
}

func TestArticlesAndRejectsOfAUnit(t *testing.T) {
	batches, requests, err := read(t, goodAnswers(t), gdelt.Config{}, input())
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) != 2 {
		t.Errorf("%d requests, want 2: businesses with one query share its answer", len(requests))
	}
	if want := "enddatetime=20261031180000&"; !strings.Contains(requests[0], want) || !strings.Contains(requests[0], "startdatetime=20261018235959") {
		t.Errorf("first request %s, want the window from its Monday, with the exclusive start a second earlier", requests[0])
	}
	b := batches["artlist/b3/2026-10-26"]
	first := b.Articles[0]
	if first.BusinessID != "b3" || first.Title != "Un café ferme, un autre ouvre" || *first.Language != "fr" || *first.SourceCountry != "FR" || first.Query != "cafe" || !first.SeenAt.Equal(asOf.Add(-time.Hour)) {
		t.Errorf("article %+v", first)
	}
	b = batches["artlist/b2/refused"]
	if b.RowsIn != 2 || len(b.Rejects) != 2 || len(batches["artlist/b2/2026-10-26"].Articles) != 1 {
		t.Fatalf("batch %+v, want two rejects and one article beside them", b)
	}
	if r := b.Rejects[0]; *r.Line != 1 || *r.BusinessID != "b2" || !strings.Contains(r.Raw, `Storm "Ida"`) {
		t.Errorf("reject %+v, want item 1 of b2 with its text", r)
	}
	if r := b.Rejects[1]; *r.Line != 3 || !strings.Contains(r.Reason, "absolute http") {
		t.Errorf("reject %+v, want item 3 and its address", r)
	}
}

func TestFullAnswersHalveTheWindow(t *testing.T) {
	in := input()
	in.Businesses = in.Businesses[:1]
	in.Window.Start = asOf.AddDate(0, 0, -2) // Thursday; its week begins on the 26th, 138 hours before asOf
	var late, early []string
	for i := range 250 {
		late = append(late, entry(i, "late", asOf.Add(-time.Minute)))
		early = append(early, entry(1000+i, "early", asOf.Add(-100*time.Hour)))
	}
	window := func(start, end string) string { return "harbour&startdatetime=" + start + "&enddatetime=" + end }
	files := answers(t, map[string]string{
		window("20261025235959", "20261031180000"): list(late...),
		window("20261028205959", "20261031180000"): list(late[:249]...),
		window("20261025235959", "20261028210000"): list(early...),
		window("20261027102959", "20261028210000"): "{}",
		window("20261025235959", "20261027103000"): list(early[:200]...),
	})
	batches, requests, err := read(t, files, gdelt.Config{}, in)
	if err != nil || len(requests) != 5 || len(batches["artlist/b2/2026-10-26"].Articles) != 449 {
		t.Errorf("%d requests, %d articles, error %v; want 5 and 449", len(requests), len(batches["artlist/b2/2026-10-26"].Articles), err)
	}
	batches, requests, err = read(t, files, gdelt.Config{MaxRequests: 3}, in)
	if err == nil || !strings.Contains(err.Error(), "more than 3 requests") || len(requests) != 3 || len(batches) != 0 {
		t.Errorf("bounded to 3: %d requests, %d units, error %v", len(requests), len(batches), err)
	}
}

func TestAListThatKeepsBreakingOffIsReadInHalves(t *testing.T) {
	in := input()
	in.Businesses = in.Businesses[:1]
	in.Window.Start = asOf.AddDate(0, 0, -2) // Thursday; its week begins on the 26th, 138 hours before asOf
	window := func(start, end string) string { return "harbour&startdatetime=" + start + "&enddatetime=" + end }
	whole := list(entry(1, "a", asOf.Add(-time.Hour)), entry(2, "b", asOf.Add(-90*time.Hour)))
	files := answers(t, map[string]string{
		window("20261025235959", "20261031180000"): whole[:len(whole)-100],
		window("20261028205959", "20261031180000"): list(entry(1, "a", asOf.Add(-time.Hour))),
		window("20261025235959", "20261028210000"): list(entry(2, "b", asOf.Add(-90*time.Hour))),
	})
	batches, requests, err := read(t, files, gdelt.Config{}, in)
	b := batches["artlist/b2/2026-10-26"]
	if err != nil || len(b.Articles) != 2 || len(b.Rejects) != 0 {
		t.Errorf("batch %+v after %d requests, error %v; want both articles and no reject", b, len(requests), err)
	}
}

func TestRefusedQueryAndRateLimitAreToldApart(t *testing.T) {
	for _, c := range []struct {
		name, body string
		requests   int
	}{
		{"wrong query", "Your query was too short or too long.", 1},
		{"new wording", "Queries may not name planets.", 1},
		{"rate limit", "Please limit requests to one every 5 seconds.", 1}, // the second query is not sent
		{"changed shape", `{"items": []}`, 1},
	} {
		in := input()
		in.Businesses[0].NewsQuery = "cafe crème"
		body := c.body
		batches, requests, err := read(t, answers(t, map[string]string{"cafe": body, "cafe%20cr%C3%A8me": list(entry(1, "x", asOf.Add(-time.Hour)))}), gdelt.Config{}, in)
		if err == nil || !strings.Contains(err.Error(), "artlist/b1") {
			t.Errorf("%s: error %v, want one that names the unit", c.name, err)
		}
		limited := c.name == "rate limit"
		if got := len(batches); limited && got != 0 || !limited && got != 1 {
			t.Errorf("%s: %d units read, want the other query's unless requests are limited", c.name, got)
		}
		if asked := len(requests); limited && asked != 1 || !limited && asked != 2 {
			t.Errorf("%s: requests %q", c.name, requests)
		}
	}
}

func TestTitle(t *testing.T) {
	for raw, want := range map[string]string{
		"Profit of 2 , 800 , 000 . 5 euros": "Profit of 2,800,000.5 euros",
		"COVID - 19 : what now ? ":          "COVID-19: what now?",
		"Cafe - bar opens":                  "Cafe - bar opens",
		" 《 食戟之靈 》 漫畫第241話 ！ ":              "《食戟之靈》漫畫第241話！",
		"Rates ( again ) rise  5 %":         "Rates (again) rise 5%",
		"Open 24 / 7":                       "Open 24/7",
		"tabs\tand\x00controls\u0085end":    "tabs and controls end",
		"":                                  "",
	} {
		if got := gdelt.Title(raw); got != want {
			t.Errorf("Title(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestCodes(t *testing.T) {
	for name, want := range map[string]string{"": "", " ": "", "United Kingdom": "GB", "unitedkingdom": "GB", "Cote d'Ivoire": "CI", "Atlantis": "Atlantis"} {
		if got := text(gdelt.Country(name)); got != want {
			t.Errorf("Country(%q) = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"": "", "Norwegian Nynorsk": "nn", "norwegian": "no", "Klingon": "Klingon"} {
		if got := text(gdelt.Language(name)); got != want {
			t.Errorf("Language(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzParseArtList(f *testing.F) {
	for _, seed := range []string{
		`{"articles": [ ` + entry(1, "sound", asOf) + ` ] }`,
		`{"articles": [ ` + entry(1, `bad \escape`, asOf) + `, ` + entry(2, `raw "quote"`, asOf) + ` ] }`,
		"\xef\xbb\xbf" + `{"articles": [ { "url": "cut`,
		`{}`, ``, `Timespan is too short.`, `<html>`, `{"articles":[{"url":1}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := gdelt.ParseArtList(body)
		if err != nil && got.Items() > 0 {
			t.Errorf("%d items and error %v", got.Items(), err)
		}
		for _, r := range got.Rejects {
			if r.Item < 1 || r.Item > got.Items() || r.Reason == "" || strings.ToValidUTF8(r.Raw, "") != r.Raw {
				t.Errorf("reject %+v of %d items", r, got.Items())
			}
		}
		for _, a := range got.Articles {
			if a.SeenAt.IsZero() || strings.ToValidUTF8(a.URL+a.Title+a.Domain, "") != a.URL+a.Title+a.Domain {
				t.Errorf("article %+v", a)
			}
		}
	})
}

func FuzzParseBatchFiles(f *testing.F) {
	f.Add([]byte(strings.Repeat("1\t", 60)+"u\n"), true)
	f.Add([]byte(strings.Repeat("\t", 26)+"<PAGE_TITLE>&#x41;</PAGE_TITLE>\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, events bool) {
		lines := 0
		for line := range strings.Lines(string(data)) {
			if strings.TrimSuffix(line, "\n") != "" {
				lines++
			}
		}
		var read int
		var rejects []gdelt.Reject
		if events {
			rows, refused := gdelt.ParseEvents(data)
			read, rejects = len(rows), refused
		} else {
			rows, refused := gdelt.ParseGKG(data)
			read, rejects = len(rows), refused
		}
		if read+len(rejects) != lines {
			t.Errorf("%d rows and %d rejects from %d lines", read, len(rejects), lines)
		}
	})
}
