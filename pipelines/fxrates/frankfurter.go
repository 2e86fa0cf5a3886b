package fxrates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// FrankfurterUpstream returns how Frankfurter is asked. Base is its base URL; empty means the public server.
func FrankfurterUpstream(base string) fetch.Upstream {
	if base == "" {
		base = "https://api.frankfurter.dev"
	}
	return fetch.Upstream{Name: "frankfurter", BaseURL: base, MinInterval: 100 * time.Millisecond, MaxConcurrent: 2, MaxBytes: 4 << 20, CacheFor: 24 * time.Hour}
}

type frankfurter struct{ client *fetch.Client }

// Frankfurter returns the provider that serves the ECB's reference rates from client's
// upstream "frankfurter". It asks for all currencies of a span at once, because one
// unknown code makes it refuse the whole request.
func Frankfurter(client *fetch.Client) Provider { return frankfurter{client} }

// Name returns "frankfurter".
func (frankfurter) Name() string { return "frankfurter" }

// Rates asks for the time series of span.
func (f frankfurter) Rates(ctx context.Context, base string, span Span) (Sheet, error) {
	request := fetch.Request{Upstream: "frankfurter", Path: "/v1/" + span.String()}
	if base != "EUR" {
		request.Query = map[string][]string{"base": {base}}
	}
	return get(ctx, f.client, request, decodeFrankfurter)
}

type frankfurterAnswer struct {
	Amount  *float64        `json:"amount"`
	Base    string          `json:"base"`
	Date    string          `json:"date"`
	Rates   json.RawMessage `json:"rates"`
	Message string          `json:"message"`
}

type frankfurterRow struct {
	Date  string          `json:"date"`
	Base  string          `json:"base"`
	Quote string          `json:"quote"`
	Rate  json.RawMessage `json:"rate"`
}

// decodeFrankfurter decodes the objects of version 1 and the rows of version 2.
func decodeFrankfurter(response fetch.Response) (Sheet, error) {
	if body := fetch.TrimJSON(response.Body); len(body) > 0 && body[0] == '[' {
		return decodeFrankfurterRows(response)
	}
	var answer frankfurterAnswer
	if err := decodeJSON(response, &answer); err != nil {
		return Sheet{}, err
	}
	if answer.Message != "" || response.Status < 200 || response.Status > 299 {
		return Sheet{}, busyOr(response.Status, fmt.Errorf("frankfurter says %q", answer.Message))
	}
	if len(answer.Rates) == 0 {
		return Sheet{}, errors.New("the answer has no rates")
	}
	if answer.Amount != nil && *answer.Amount != 1 {
		return Sheet{}, fmt.Errorf("rates are for %v units of the base, want 1", *answer.Amount)
	}
	days, err := pricesByDay(answer.Rates, answer.Date)
	if err != nil {
		return Sheet{}, err
	}
	return newSheet(answer.Base, days)
}

func decodeFrankfurterRows(response fetch.Response) (Sheet, error) {
	var rows []frankfurterRow
	if err := decodeJSON(response, &rows); err != nil {
		return Sheet{}, err
	}
	base, days := "", map[string]map[string]string{}
	for _, row := range rows {
		if base != "" && row.Base != base {
			return Sheet{}, fmt.Errorf("rows are in %q and in %q, want one base", base, row.Base)
		}
		base = row.Base
		if days[row.Date] == nil {
			days[row.Date] = map[string]string{}
		}
		days[row.Date][row.Quote] = string(row.Rate)
	}
	return newSheet(base, days)
}

// busyOr returns err, as transient when status says that the server is busy or broken.
func busyOr(status int, err error) error {
	if status == 408 || status == 425 || status == 429 || status >= 500 {
		return fetch.Transient(err, 0)
	}
	return err
}
