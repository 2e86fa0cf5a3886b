package fxrates

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// ECBUpstream returns how the European Central Bank is asked. Base is its base URL; empty
// means the public server.
func ECBUpstream(base string) fetch.Upstream {
	if base == "" {
		base = "https://www.ecb.europa.eu"
	}
	return fetch.Upstream{Name: "ecb", BaseURL: base, MinInterval: time.Second, MaxBytes: 32 << 20, CacheFor: 24 * time.Hour}
}

type ecb struct{ client *fetch.Client }

// ECB returns the provider that reads the European Central Bank's own files through client's upstream
// "ecb". Its only base is EUR.
func ECB(client *fetch.Client) Provider { return ecb{client} }

// Name returns "ecb".
func (ecb) Name() string { return "ecb" }

// Rates reads the file of the last 90 days when span lies in it, and of all days otherwise.
func (e ecb) Rates(ctx context.Context, base string, span Span) (Sheet, error) {
	if base != "EUR" {
		return Sheet{}, errNotOffered
	}
	path := "/stats/eurofxref/eurofxref-hist.xml"
	if span.Latest {
		path = "/stats/eurofxref/eurofxref-hist-90d.xml"
	}
	sheet, err := get(ctx, e.client, fetch.Request{Upstream: "ecb", Path: path}, decodeECB)
	if err != nil {
		return Sheet{}, err
	}
	return sheet.cut(span)
}

// cut returns the quotes of span. Dates that are none stay, to be refused.
func (s Sheet) cut(span Span) (Sheet, error) {
	cut := Sheet{Base: s.Base}
	for _, q := range s.Quotes {
		at, err := time.Parse(time.DateOnly, q.Date)
		if day := int32(at.Unix() / 86400); err != nil || (day >= span.First && day <= span.Last) {
			cut.Quotes = append(cut.Quotes, q)
		}
	}
	if len(cut.Quotes) == 0 {
		return Sheet{}, fmt.Errorf("no rates in %s", span)
	}
	return cut, nil
}

// ecbEnvelope is the document; names outside these namespaces are not the ECB's.
type ecbEnvelope struct {
	XMLName xml.Name `xml:"http://www.gesmes.org/xml/2002-08-01 Envelope"`
	Outer   struct {
		Days []struct {
			Time  string `xml:"time,attr"`
			Rates []struct {
				Currency string `xml:"currency,attr"`
				Rate     string `xml:"rate,attr"`
			} `xml:"http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"`
		} `xml:"http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"`
	} `xml:"http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"`
}

// decodeECB decodes the daily and the historical files, which have one form.
func decodeECB(response fetch.Response) (Sheet, error) {
	if response.Status < 200 || response.Status > 299 {
		return Sheet{}, busyOr(response.Status, errors.New("the upstream refused the request"))
	}
	var envelope ecbEnvelope
	if err := xml.Unmarshal(response.Body, &envelope); err != nil {
		return Sheet{}, fetch.Transient(fmt.Errorf("decode answer: %w", err), 0)
	}
	days := map[string]map[string]string{}
	for _, day := range envelope.Outer.Days {
		if days[day.Time] != nil {
			return Sheet{}, fmt.Errorf("day %s stands twice", day.Time)
		}
		days[day.Time] = map[string]string{}
		for _, rate := range day.Rates {
			days[day.Time][rate.Currency] = rate.Rate
		}
	}
	return newSheet("EUR", days)
}
