// The decoders are not exported, so their fuzz test is inside the package.
package fxrates

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// FuzzDecoders wants every decoder to return or fail on any bytes, and what it returns to
// be split into sound rows and rejects without loss.
func FuzzDecoders(f *testing.F) {
	if folder, ok := shared.Dir(f); ok {
		addRecorded(f, filepath.Join(folder, "fixtures", "upstream"))
	}
	f.Add([]byte(`{"base":"EUR","date":"2024-01-01","rates":{"USD":"NaN","GBP":-1,"JPY":1e999,"CHF":null,"usd":1,"":2}}`), 200)
	f.Add([]byte(`{"success":true,"source":"USD","timestamp":-1,"quotes":{"USD":1,"EURUSD":2,"USDEUR":{}}}`), 200)
	asOf := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		for name, decode := range decoders() {
			sheet, err := decode(fetch.Response{Status: status, Body: body})
			if err != nil {
				continue
			}
			var codes []string
			for _, q := range sheet.Quotes {
				codes = append(codes, q.Code)
			}
			b := batch(sheet, codes, name, asOf)
			if len(b.Rates)+len(b.Rejects) != len(sheet.Quotes) {
				t.Errorf("%s: %d quotes became %d rows and %d rejects", name, len(sheet.Quotes), len(b.Rates), len(b.Rejects))
			}
			for _, row := range b.Rates {
				if !(row.Rate > 0 && row.Rate <= maxRate) || !knownCode(row.Quote) || !knownCode(row.Base) || row.Quote == row.Base {
					t.Errorf("%s: row %+v is not sound", name, row)
				}
			}
		}
	})
}

// addRecorded makes the beginning of every recorded answer a seed.
func addRecorded(f *testing.F, folder string) {
	f.Helper()
	for provider := range decoders() {
		files, err := filepath.Glob(filepath.Join(folder, provider, "*"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body[:min(len(body), 4000)], 200)
		}
	}
}
