package gdelt_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/pipelines/gdelt"
	"github.com/signalcraft/signalcraft/testdata/recorded"
)

// TestRecordedAnswers holds one exact expectation for every recorded GDELT file.
func TestRecordedAnswers(t *testing.T) {
	expectations := map[string]func(*testing.T, []byte){
		"doc-artlist-250-multilingual.json": wantList(wantedList{
			articles: 250, firstTitle: "Salmonella Outbreak That Sickens 30 Associated with Raw Tuna: How Does it Get Contaminated?",
			firstSeen: "2017-10-30T06:15:00Z", lastURL: "http://www.wtma.com/news/jambalaya-suspected-cause-of-louisiana-salmonella-outbreak/",
			lastSeen: "2017-10-23T10:30:00Z", languages: map[string]int{"en": 189, "zh": 38, "es": 11, "vi": 5, "sv": 2, "fr": 2, "ms": 1, "ru": 1, "el": 1},
			countries: map[string]int{"US": 84, "AU": 57, "": 52, "CN": 29, "VN": 5, "TV": 3, "MX": 3, "MY": 2, "TW": 2, "SE": 2, "SG": 1, "HK": 1, "ZA": 1, "GB": 1,
				"ID": 1, "RU": 1, "CA": 1, "CM": 1, "NZ": 1, "FR": 1, "GR": 1},
		}),
		"doc-artlist-russian-sourcecountry.json": wantList(wantedList{
			articles: 40, firstTitle: "Брянский оссельхознадзор «завернул» 37 тонн лососевых хребтов", firstSeen: "2017-11-13T19:00:00Z",
			lastURL: "http://argumenti.ru/economics/2017/12/558196", lastSeen: "2017-12-13T18:00:00Z",
			languages: map[string]int{"ru": 40}, countries: map[string]int{"RU": 40},
		}),
		"doc-artlist-25-us.json": wantList(wantedList{
			articles: 25, firstTitle: "Rowayton Seafood to close amid coronavirus concerns in Norwalk", firstSeen: "2020-03-15T19:30:00Z",
			lastURL: "https://cnsnews.com/commentary/steven-mosher/remember-coronavirus-was-made-china", lastSeen: "2020-03-16T22:30:00Z",
			languages: map[string]int{"en": 25}, countries: map[string]int{"US": 25},
		}),
		"doc-artlist-empty-object.json": wantList(wantedList{}),
		"doc-artlist-bom.json":          wantList(goodArticle(gdelt.Repairs{BOM: 1})),
		"malformed-invalid-escape.json": wantList(withBroken(3, nil, gdelt.Repairs{Escapes: 6},
			"https://example.org/c", `Prices rise 5\% in \x41pril`)),
		"malformed-control-characters.json": wantList(withBroken(2, nil, gdelt.Repairs{Controls: 4},
			"https://example.org/f", "Breaking: storm warning issued for coast")),
		"malformed-invalid-utf8.json": wantList(withBroken(2, nil, gdelt.Repairs{UTF8: 1},
			"https://example.org/g", "Vũng T\uFFFD u mất điện")),
		"malformed-unescaped-quotes.json":      wantList(withBroken(1, []string{"parceria estratégica"}, gdelt.Repairs{}, "", "")),
		"malformed-double-escaped-quotes.json": wantList(withBroken(1, []string{`\\"Many Ohioans find the mask mandate\\"`}, gdelt.Repairs{}, "", "")),
		"malformed-truncated.json": wantList(func() wantedList {
			w := withBroken(1, []string{`{ "url": "https://example.org/ok", "url_mobile"`}, gdelt.Repairs{}, "", "")
			w.truncated = true
			return w
		}()),

		"doc-empty-body.txt":                     wantRefusal(gdelt.Unavailable, "empty body"),
		"error-200-html.html":                    wantRefusal(gdelt.Unavailable, "Service temporarily unavailable"),
		"error-429-rate-limit.txt":               wantRefusal(gdelt.Limited, "Please limit requests"),
		"error-200-rate-limit.txt":               wantRefusal(gdelt.Limited, "Please limit requests"),
		"error-200-too-short-or-long.txt":        wantRefusal(gdelt.Rejected, "Your query was too short or too long."),
		"error-200-parentheses.txt":              wantRefusal(gdelt.Rejected, "parenthetical clauses"),
		"error-200-or-without-parentheses.txt":   wantRefusal(gdelt.Rejected, "must be surrounded by ()"),
		"error-200-illegal-character.txt":        wantRefusal(gdelt.Rejected, "illegal character"),
		"error-200-phrase-too-short.txt":         wantRefusal(gdelt.Rejected, "phrase is too short"),
		"error-200-timespan-too-short.txt":       wantRefusal(gdelt.Rejected, "Timespan is too short."),
		"error-200-invalid-start-date.txt":       wantRefusal(gdelt.Rejected, "Invalid query start date."),
		"doc-timelinevolraw-245-days.json":       wantTimeline("day", "Article Count", 245, "2020-01-01T00:00:00Z", 0, "2020-09-01T00:00:00Z", 13, 3921, 101844956),
		"doc-timelinevol-245-days.json":          wantTimeline("day", "Volume Intensity", 245, "2020-01-01T00:00:00Z", 0, "2020-09-01T00:00:00Z", 0.0029, 0.9246, 0),
		"doc-timelinetone-245-days.json":         wantTimeline("day", "Average Tone", 245, "2020-01-01T00:00:00Z", 0, "2020-09-01T00:00:00Z", 0.9328, -342.2428, 0),
		"doc-timelinetone-15min-steps.json":      wantTimeline("15m", "Average Tone", 96, "2024-01-14T00:00:00Z", -2.2, "2024-01-14T23:45:00Z", -1.2714, -207.1692, 0),
		"doc-timelinetone-empty-series.json":     wantTimeline("15m", "Average Tone", 0, "", 0, "", 0, 0, 0),
		"doc-timelinevolraw-empty-timeline.json": wantTimeline("day", "", 0, "", 0, "", 0, 0, 0),

		"events-2.0-columns.tsv":                     wantColumns(61, "GLOBALEVENTID", "SOURCEURL"),
		"gkg-2.1-columns.tsv":                        wantColumns(27, "GKGRECORDID", "V2EXTRASXML"),
		"gdeltv2/20191024143000.export.CSV":          wantEvents,
		"gdeltv2/20191024143000.export.CSV.zip":      wantZipped(wantEvents),
		"gdeltv2/20230702153000.gkg.csv":             wantGKG,
		"gdeltv2/20230702153000.gkg.csv.zip":         wantZipped(wantGKG),
		"gdeltv2/20230417163000.translation.gkg.csv": wantTranslatedGKG,
		"gdeltv2/lastupdate.txt":                     wantFiles(2, "export", "gkg", 10179),
		"gdeltv2/masterfilelist-first-lines.txt":     wantFiles(6, "export", "gkg", 150383),
	}
	manifest, ok := recorded.Manifest(t, "gdelt")
	if !ok {
		return
	}
	seen := 0
	for _, r := range manifest {
		name := strings.TrimPrefix(r.File, "gdelt/")
		check, ok := expectations[name]
		if !ok {
			t.Errorf("recorded file %s has no expectation", r.File)
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			if body, ok := recorded.Body(t, r.File); ok {
				check(t, body)
			}
		})
	}
	if seen != len(expectations) {
		t.Errorf("%d of %d expectations met a recorded file", seen, len(expectations))
	}
}

type wantedList struct {
	articles              int
	rejected              []string // a part of each reject's raw text
	truncated             bool
	repairs               gdelt.Repairs
	firstTitle, firstSeen string
	lastURL, lastSeen     string
	lastTitle             string // checked when not empty
	languages, countries  map[string]int
}

// goodArticle is what the constructed answers begin with.
func goodArticle(repairs gdelt.Repairs) wantedList {
	return wantedList{
		articles: 1, repairs: repairs, firstTitle: "Council approves budget for new flood defences", firstSeen: "2024-01-15T12:30:00Z",
		lastURL: "https://example.org/ok", lastSeen: "2024-01-15T12:30:00Z", languages: map[string]int{"en": 1}, countries: map[string]int{"GB": 1},
	}
}

func withBroken(articles int, rejected []string, repairs gdelt.Repairs, lastURL, lastTitle string) wantedList {
	w := goodArticle(repairs)
	w.articles, w.rejected, w.lastTitle = articles, rejected, lastTitle
	w.languages, w.countries = map[string]int{"en": articles}, map[string]int{"GB": articles}
	if lastURL != "" {
		w.lastURL = lastURL
	}
	return w
}

func wantList(want wantedList) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		list, err := gdelt.ParseArtList(body)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Articles) != want.articles || len(list.Rejects) != len(want.rejected) || list.Truncated != want.truncated || list.Repairs != want.repairs {
			t.Fatalf("got %d articles, rejects %v, truncated %v, repairs %+v; want %d, %d, %v, %+v", len(list.Articles), list.Rejects, list.Truncated, list.Repairs,
				want.articles, len(want.rejected), want.truncated, want.repairs)
		}
		for i, part := range want.rejected {
			if !strings.Contains(list.Rejects[i].Raw, part) || list.Rejects[i].Item != want.articles+i+1 {
				t.Errorf("reject %d = %+v, want item %d holding %q", i, list.Rejects[i], want.articles+i+1, part)
			}
		}
		if want.articles == 0 {
			return
		}
		first, last := list.Articles[0], list.Articles[len(list.Articles)-1]
		if got := gdelt.Title(first.Title); got != want.firstTitle {
			t.Errorf("first title = %q, want %q", got, want.firstTitle)
		}
		if got := gdelt.Title(last.Title); want.lastTitle != "" && got != want.lastTitle {
			t.Errorf("last title = %q, want %q", got, want.lastTitle)
		}
		if got := first.SeenAt.Format(time.RFC3339); got != want.firstSeen {
			t.Errorf("first seen at %s, want %s", got, want.firstSeen)
		}
		if got := last.SeenAt.Format(time.RFC3339); got != want.lastSeen || last.URL != want.lastURL {
			t.Errorf("last article %s seen at %s, want %s at %s", last.URL, got, want.lastURL, want.lastSeen)
		}
		languages, countries := map[string]int{}, map[string]int{}
		for _, a := range list.Articles {
			languages[text(gdelt.Language(a.Language))]++
			countries[text(gdelt.Country(a.SourceCountry))]++
		}
		if diff := cmp.Diff(want.languages, languages); diff != "" {
			t.Errorf("languages (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want.countries, countries); diff != "" {
			t.Errorf("countries (-want +got):\n%s", diff)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func wantRefusal(kind gdelt.Kind, part string) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		list, err := gdelt.ParseArtList(body)
		var answer *gdelt.AnswerError
		if !errors.As(err, &answer) || answer.Kind != kind || !strings.Contains(answer.Text, part) {
			t.Fatalf("ParseArtList = %+v, error %v; want kind %s saying %q", list, err, kind, part)
		}
		if _, err := gdelt.ParseTimeline(body); !errors.As(err, &answer) || answer.Kind != kind {
			t.Errorf("ParseTimeline: error %v, want kind %s", err, kind)
		}
	}
}

func wantTimeline(resolution, series string, points int, firstAt string, first float64, lastAt string, last, sum, norm float64) func(*testing.T, []byte) {
	return func(t *testing.T, body []byte) {
		line, err := gdelt.ParseTimeline(body)
		if err != nil {
			t.Fatal(err)
		}
		if line.Resolution != resolution || line.Query == "" {
			t.Errorf("query %q in steps of %q, want steps of %q", line.Query, line.Resolution, resolution)
		}
		if series == "" {
			if len(line.Series) != 0 {
				t.Errorf("%d series, want none", len(line.Series))
			}
			return
		}
		if len(line.Series) != 1 || line.Series[0].Name != series || len(line.Series[0].Points) != points {
			t.Fatalf("series %+v, want one %q with %d points", line.Series, series, points)
		}
		if points == 0 {
			return
		}
		p := line.Series[0].Points
		if got := p[0]; got.At.Format(time.RFC3339) != firstAt || got.Value != first {
			t.Errorf("first point %v, want %v at %s", got, first, firstAt)
		}
		if got := p[points-1]; got.At.Format(time.RFC3339) != lastAt || got.Value != last {
			t.Errorf("last point %v, want %v at %s", got, last, lastAt)
		}
		var gotSum, gotNorm float64
		for _, q := range p {
			gotSum += q.Value
			if q.Norm != nil {
				gotNorm += *q.Norm
			}
		}
		// Values have four decimals; the sums were computed from the file with Python's json.
		if math.Abs(gotSum-sum) > 1e-6 || gotNorm != norm {
			t.Errorf("sum of values %v and norms %v, want %v and %v", gotSum, gotNorm, sum, norm)
		}
	}
}

// TestCountryTableAgreesWithGeoNames compares every FIPS code with the recorded list of countries.
func TestCountryTableAgreesWithGeoNames(t *testing.T) {
	body, ok := recorded.Body(t, "geonames/country-info-all.json")
	if !ok {
		return
	}
	var answer struct {
		Countries []struct {
			ISO  string `json:"countryCode"`
			FIPS string `json:"fipsCode"`
		} `json:"geonames"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Countries) != 250 {
		t.Fatalf("%d countries, error %v", len(answer.Countries), err)
	}
	for _, c := range answer.Countries {
		if got, ok := gdelt.CountryFromFIPS(c.FIPS); c.FIPS != "" && (!ok || got != c.ISO) {
			t.Errorf("FIPS %s became %q, want %s", c.FIPS, got, c.ISO)
		}
	}
}
