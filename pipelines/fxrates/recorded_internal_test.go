// The decoders are not exported, so their test is inside the package.
package fxrates

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/pipelines/replay"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// expectation is what a recorded answer must decode to. Figures were counted in the files
// with grep.
type expectation struct {
	fails     string // the error's text holds it; empty for a good answer
	transient bool

	base        string
	rows        int
	rejects     int
	first, last string
	sample      string // one row as "day code rate"
}

func expectations() map[string]expectation {
	return map[string]expectation{
		"frankfurter/v1-latest-usd-eur-2026-05-29.json": {base: "USD", rows: 1, first: "2026-05-29", last: "2026-05-29", sample: "2026-05-29 EUR 0.85881"},
		"frankfurter/v1-latest-eur.json":                {base: "EUR", rows: 6, first: "2024-11-25", last: "2024-11-25", sample: "2024-11-25 GBP 0.83465"},
		// Asked for Sunday the 14th.
		"frankfurter/v1-historical-on-sunday.json":       {base: "EUR", rows: 1, first: "2024-01-12", last: "2024-01-12", sample: "2024-01-12 USD 1.0942"},
		"frankfurter/v1-timeseries-weekend-gap.json":     {base: "EUR", rows: 3, first: "2024-01-12", last: "2024-01-16", sample: "2024-01-15 USD 1.0945"},
		"frankfurter/v1-error-404-not-found.json":        {fails: `frankfurter says "not found"`},
		"frankfurter/v1-error-422-invalid-date.json":     {fails: `frankfurter says "invalid date"`},
		"frankfurter/v2-rates-eur-usd.json":              {base: "EUR", rows: 1, first: "2025-09-05", last: "2025-09-05", sample: "2025-09-05 USD 1.1697"},
		"frankfurter/v2-error-422-invalid-currency.json": {fails: `frankfurter says "invalid currency: ZZZ"`},

		"ecb/eurofxref-daily-2015-01-07.xml": {base: "EUR", rows: 31, first: "2015-01-07", last: "2015-01-07", sample: "2015-01-07 JPY 141.17"},
		"ecb/eurofxref-hist-90d-sample.xml":  {base: "EUR", rows: 2080, first: "2019-09-02", last: "2019-11-29", sample: "2019-11-29 ISK 134"},

		// FOK, GGP, IMP, KID, TVD are territories' codes outside ISO 4217.
		"exchangerate-api/v4-latest-usd-2021-05-18.json":          {base: "USD", rows: 154, rejects: 5, first: "2021-05-18", last: "2021-05-18", sample: "2021-05-18 KWD 0.31"},
		"exchangerate-api/v4-latest-gbp-2021-12-11-trimmed.json":  {base: "GBP", rows: 8, first: "2021-12-11", last: "2021-12-11", sample: "2021-12-11 INR 101.82"},
		"exchangerate-api/v4-error-unsupported-code-http404.json": {fails: `exchangerate-api says "unsupported_code"`},
		"exchangerate-api/v6-open-latest-usd.json":                {base: "USD", rows: 18, first: "2024-01-15", last: "2024-01-15", sample: "2024-01-15 EUR 0.912824"},
		"exchangerate-api/v6-error-unsupported-code-http404.json": {fails: `exchangerate-api says "unsupported-code"`},
		"exchangerate-api/error-429.html":                         {fails: "lifted after 20 minutes", transient: true},

		"exchangerate-host/latest-eur-2022-legacy.json":               {base: "EUR", rows: 163, rejects: 5, first: "2022-04-29", last: "2022-04-29", sample: "2022-04-29 KWD 0.323092"},
		"exchangerate-host/historical-2000-01-03-legacy.json":         {base: "EUR", rows: 27, first: "2000-01-03", last: "2000-01-03", sample: "2000-01-03 TRL 546131"},
		"exchangerate-host/timeseries-legacy.json":                    {base: "EUR", rows: 8, first: "2020-01-01", last: "2020-01-04", sample: "2020-01-04 GBP 0.8525"},
		"exchangerate-host/error-101-missing-access-key.json":         {fails: "error 101 missing_access_key"},
		"exchangerate-host/error-101-invalid-access-key.json":         {fails: "error 101 invalid_access_key"},
		"exchangerate-host/error-103-invalid-api-function.json":       {fails: "error 103"},
		"exchangerate-host/error-104-usage-limit-reached.json":        {fails: "error 104", transient: true},
		"exchangerate-host/error-105-function-access-restricted.json": {fails: "error 105"},
		"exchangerate-host/error-106-rate-limit-reached.json":         {fails: "error 106", transient: true},
		"exchangerate-host/error-201-invalid-source-currency.json":    {fails: "error 201"},
		"exchangerate-host/error-302-invalid-date.json":               {fails: "error 302"},
		"exchangerate-host/live-usd-current.json":                     {base: "USD", rows: 2, first: "2022-03-16", last: "2022-03-16", sample: "2022-03-16 GBP 0.766635"},
		"exchangerate-host/timeframe-current.json":                    {base: "USD", rows: 8, first: "2024-01-12", last: "2024-01-15", sample: "2024-01-14 EUR 0.912849"},
		"exchangerate-host/error-521.html":                            {fails: "not a JSON document", transient: true},
	}
}

func decoders() map[string]func(fetch.Response) (Sheet, error) {
	return map[string]func(fetch.Response) (Sheet, error){
		"frankfurter": decodeFrankfurter, "ecb": decodeECB, "exchangerate-api": decodeExchangeRateAPI, "exchangerate-host": decodeExchangeRateHost,
	}
}

func TestEveryRecordedAnswer(t *testing.T) {
	dir, ok := shared.Dir(t)
	if !ok {
		return
	}
	folder := filepath.Join(dir, "fixtures", "upstream")
	manifest, err := replay.ReadManifest(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	want := expectations()
	for _, recorded := range manifest.Responses {
		provider, _, _ := strings.Cut(recorded.File, "/")
		decode := decoders()[provider]
		if decode == nil {
			continue
		}
		expected, ok := want[recorded.File]
		if !ok {
			t.Errorf("%s: recorded, but nothing says what it must decode to", recorded.File)
			continue
		}
		delete(want, recorded.File)
		body, err := os.ReadFile(filepath.Join(folder, recorded.File))
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := decode(fetch.Response{Status: recorded.Status, Body: body})
		checkRecorded(t, recorded.File, expected, sheet, err)
	}
	for file := range want {
		t.Errorf("%s: expected, but not recorded", file)
	}
}

func checkRecorded(t *testing.T, file string, want expectation, sheet Sheet, err error) {
	t.Helper()
	if want.fails != "" {
		if err == nil || !strings.Contains(err.Error(), want.fails) || isTransient(t, err) != want.transient {
			t.Errorf("%s: error %v, want one with %q, transient %t", file, err, want.fails, want.transient)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	asOf := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var codes []string
	for _, q := range sheet.Quotes {
		codes = append(codes, q.Code)
	}
	b := batch(sheet, codes, "test", asOf)
	if sheet.Base != want.base || len(b.Rates) != want.rows || len(b.Rejects) != want.rejects {
		t.Errorf("%s: base %s, %d rows, %d rejects; want %s, %d, %d; rejects %v", file, sheet.Base, len(b.Rates), len(b.Rejects), want.base, want.rows, want.rejects, b.Rejects)
		return
	}
	found := false
	for _, row := range b.Rates {
		found = found || fmt.Sprintf("%s %s %v", dataset.FromDays(row.Day).Format(time.DateOnly), row.Quote, row.Rate) == want.sample
	}
	first, last := dataset.FromDays(b.Rates[0].Day).Format(time.DateOnly), dataset.FromDays(b.Rates[len(b.Rates)-1].Day).Format(time.DateOnly)
	if first != want.first || last != want.last || !found {
		t.Errorf("%s: days %s to %s, sample found %t; want %s to %s and %s", file, first, last, found, want.first, want.last, want.sample)
	}
}

// isTransient asks the fetch client itself how it takes err.
func isTransient(t *testing.T, err error) bool {
	t.Helper()
	marked := fetch.Transient(errors.New("probe"), 0)
	return fmt.Sprintf("%T", err) == fmt.Sprintf("%T", marked)
}
