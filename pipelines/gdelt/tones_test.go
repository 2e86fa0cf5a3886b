package gdelt_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/laketest"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

// gkgLine is one line of a translated GKG file.
func gkgLine(url, tone string, at time.Time) string {
	f := make([]string, 27)
	f[0], f[1], f[3], f[4], f[15], f[25] = at.Format("20060102150405")+"-T1", at.Format("20060102150405"), "news.example", url, tone, "srclc:fra;eng:GT-FRA 1.0"
	return strings.Join(f, "\t") + "\n"
}

// toneFiles are recorded 15-minute files: by instant, their lines.
func toneFiles(t *testing.T, files map[time.Time]string) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	manifest := replay.Manifest{Version: 1}
	for at, lines := range files {
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		name := at.Format("20060102150405") + ".translation.gkg.csv"
		inside, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inside.Write([]byte(lines)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: packed.Bytes()}
		manifest.Responses = append(manifest.Responses, replay.Response{File: name, URL: "http://data.gdeltproject.org/gdeltv2/" + name + ".zip", ContentType: "application/zip"})
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	all["manifest.json"] = &fstest.MapFile{Data: text}
	return all
}

// seen is an article that has landed.
func seen(business, url, title, language string, at time.Time) dataset.ArticleRow {
	row := dataset.ArticleRow{BusinessID: business, URL: url, Title: title, Domain: "news.example", SeenAt: at, Query: "cafe", LandedAt: asOf}
	if language != "" {
		row.Language = &language
	}
	return row
}

func newLake(t testing.TB, articles ...dataset.ArticleRow) *lakehouse.Lake {
	t.Helper()
	lake := laketest.Open(t, storetest.New(t), t.TempDir())
	if err := lake.Ensure(t.Context(), dataset.Articles()); err != nil {
		t.Fatal(err)
	}
	if _, err := lakehouse.Append(t.Context(), lake, dataset.Articles(), lakehouse.Commit{RunID: "landing", Unit: "articles"}, articles); err != nil {
		t.Fatal(err)
	}
	return lake
}

func newTones(t testing.TB, env sourcetest.Env, c gdelt.TonesConfig) *gdelt.Tones {
	t.Helper()
	upstream := gdelt.FilesUpstream()
	upstream.BaseURL = env.BaseURL("data.gdeltproject.org")
	c.Client = env.Client(t, upstream)
	source, err := gdelt.NewTones(c)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func quarter(n int) time.Time { return asOf.Add(-time.Duration(n) * 15 * time.Minute) }

// wanted are two articles of one quarter of an hour, one of another, and one of a quarter that has no file.
func wanted(context.Context, []dataset.BusinessRow, dataset.Window) ([]gdelt.Toneless, error) {
	return []gdelt.Toneless{
		{BusinessID: "b1", URL: "https://news.example/3", SeenAt: quarter(8)}, {BusinessID: "b2", URL: "https://www.news.example/2/", SeenAt: quarter(4)},
		{BusinessID: "b1", URL: "https://news.example/1", SeenAt: quarter(4)}, {BusinessID: "b1", URL: "https://news.example/9", SeenAt: quarter(16)},
	}, nil
}

func toneInput() pipelines.Input {
	return pipelines.Input{AsOf: asOf, Businesses: []dataset.BusinessRow{{BusinessID: "b1"}, {BusinessID: "b2"}}}
}

func goodTones(t *testing.T) fstest.MapFS {
	elsewhere := func(n int) string { return gkgLine("https://elsewhere.example/", "1,1,0,1,1,0,9", quarter(n)) }
	return toneFiles(t, map[time.Time]string{
		quarter(4): gkgLine("https://news.example/1", "-1.5,2,3.5,5.5,20,0,400", quarter(4)) +
			gkgLine("http://news.example/2", "2.5,4,1.5,5.5,20,0,100", quarter(4)) + "a broken line\n" + elsewhere(4),
		quarter(8): elsewhere(8),
	})
}

func TestTonesKeepTheContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New: func(t testing.TB, env sourcetest.Env) pipelines.Source {
			return newTones(t, env, gdelt.TonesConfig{Missing: wanted})
		},
		Input: toneInput(), Files: goodTones(t), WantRows: 3,
		WantUnits: []string{quarter(4).Format("20060102150405") + ".translation.gkg.csv", quarter(8).Format("20060102150405") + ".translation.gkg.csv"},
	})
}

// What a file does not hold lands without a tone; a page is known by its address without
// scheme and "www."; a file that is not there yet gives nothing.
func TestTones(t *testing.T) {
	handler, err := replay.Open(goodTones(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	upstream := gdelt.FilesUpstream()
	upstream.BaseURL = replay.BaseURL(server.URL, "data.gdeltproject.org")
	client, err := fetch.New(fetch.Config{Upstreams: []fetch.Upstream{upstream}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	read := func(c gdelt.TonesConfig) (lines []string) {
		c.Client, c.Missing = client, wanted
		source, err := gdelt.NewTones(c)
		if err != nil {
			t.Fatal(err)
		}
		err = source.Read(t.Context(), toneInput(), func(b pipelines.Batch) error {
			for _, r := range b.Tones {
				line := fmt.Sprintf("%s %s %s", r.BusinessID, r.URL, r.SeenAt.Format("15:04"))
				if r.Tone != nil {
					line += fmt.Sprintf(" %v %v %v %d %s", *r.Tone, *r.Positive, *r.Negative, *r.Words, *r.Language)
				}
				lines = append(lines, line)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	want := []string{"b1 https://news.example/1 17:00 -1.5 2 3.5 400 fra", "b2 https://www.news.example/2/ 17:00 2.5 4 1.5 100 fra", "b1 https://news.example/3 16:00"}
	if diff := cmp.Diff(want, read(gdelt.TonesConfig{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], read(gdelt.TonesConfig{MaxFiles: 1})); diff != "" {
		t.Errorf("one file (-want +got):\n%s", diff)
	}
}

// Wanted are the businesses' articles of the window that are not in English and have no row in the table of tones.
func TestMissingIn(t *testing.T) {
	lake := newLake(t,
		seen("b1", "https://news.example/1", "Un café ferme ses portes", "fr", quarter(4)),
		seen("b1", "https://news.example/1", "Un café ferme ses portes", "fr", quarter(2)), // seen again
		seen("b2", "https://news.example/2", "Grève dans les cafés de la ville", "", quarter(4)),
		seen("b1", "https://news.example/3", "Café closes after the strike", "en", quarter(8)),
		seen("b9", "https://news.example/4", "Un café d'une autre maison", "fr", quarter(12)),
		seen("b1", "https://news.example/5", "Il y a longtemps", "fr", asOf.AddDate(0, 0, -8)),
		seen("b1", "https://news.example/6", "Le prix du café", "fr", quarter(8)))
	missing := func() []gdelt.Toneless {
		got, err := gdelt.MissingIn(lake)(t.Context(), toneInput().Businesses, dataset.Window{Start: asOf.AddDate(0, 0, -7), End: asOf})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b gdelt.Toneless) int { return strings.Compare(a.URL, b.URL) })
		return got
	}
	want := []gdelt.Toneless{{BusinessID: "b1", URL: "https://news.example/1", SeenAt: quarter(4)}, {BusinessID: "b2", URL: "https://news.example/2", SeenAt: quarter(4)},
		{BusinessID: "b1", URL: "https://news.example/6", SeenAt: quarter(8)}}
	if diff := cmp.Diff(want, missing()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	rows := []dataset.ToneRow{{BusinessID: "b1", URL: "https://news.example/1", SeenAt: quarter(4), LandedAt: asOf}}
	if _, err := lakehouse.Append(t.Context(), lake, dataset.Tones(), lakehouse.Commit{RunID: "landing", Unit: "tones"}, rows); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[1:], missing()); diff != "" {
		t.Errorf("once one has landed (-want +got):\n%s", diff)
	}
}
