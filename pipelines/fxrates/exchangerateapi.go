package fxrates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// ExchangeRateAPIUpstream returns how ExchangeRate-API's open endpoint is asked. Base is
// its base URL; empty means the public server.
func ExchangeRateAPIUpstream(base string) fetch.Upstream {
	if base == "" {
		base = "https://open.er-api.com"
	}
	return fetch.Upstream{Name: "exchangerate-api", BaseURL: base, PerHour: 2, MinInterval: time.Second, MaxBytes: 1 << 20, CacheFor: 24 * time.Hour}
}

type exchangeRateAPI struct{ client *fetch.Client }

// ExchangeRateAPI returns the provider ExchangeRate-API, asked without a key through
// client's upstream "exchangerate-api". It has no history and its terms require the link
// "Rates By Exchange Rate API" where rates are shown.
func ExchangeRateAPI(client *fetch.Client) Provider { return exchangeRateAPI{client} }

// Name returns "exchangerate-api".
func (exchangeRateAPI) Name() string { return "exchangerate-api" }

// Rates asks for the latest rates when span ends on the run's day.
func (e exchangeRateAPI) Rates(ctx context.Context, base string, span Span) (Sheet, error) {
	if !span.Latest {
		return Sheet{}, errNotOffered
	}
	return get(ctx, e.client, fetch.Request{Upstream: "exchangerate-api", Path: "/v6/latest/" + base}, decodeExchangeRateAPI)
}

// apiAnswer has the names of version 4 (base, date) and of version 6 (base_code, ...unix).
type apiAnswer struct {
	Result          string          `json:"result"`
	Base            string          `json:"base"`
	BaseCode        string          `json:"base_code"`
	Date            string          `json:"date"`
	UpdatedV4       int64           `json:"time_last_updated"`
	UpdatedV6       int64           `json:"time_last_update_unix"`
	Rates           json.RawMessage `json:"rates"`
	ConversionRates json.RawMessage `json:"conversion_rates"`
	ErrorV4         string          `json:"error_type"`
	ErrorV6         string          `json:"error-type"`
}

// decodeExchangeRateAPI decodes versions 4 and 6.
func decodeExchangeRateAPI(response fetch.Response) (Sheet, error) {
	if response.Status == 429 {
		return Sheet{}, fetch.Transient(errors.New("too many requests, lifted after 20 minutes"), 20*time.Minute)
	}
	var answer apiAnswer
	if err := decodeJSON(response, &answer); err != nil {
		return Sheet{}, err
	}
	if failure := answer.ErrorV4 + answer.ErrorV6; failure != "" || answer.Result == "error" {
		err := fmt.Errorf("exchangerate-api says %q", failure)
		if failure == "quota-reached" {
			err = fetch.Transient(err, 12*time.Hour)
		}
		return Sheet{}, err
	}
	if response.Status < 200 || response.Status > 299 {
		return Sheet{}, busyOr(response.Status, fmt.Errorf("status %d", response.Status))
	}
	rates := answer.Rates
	if len(rates) == 0 {
		rates = answer.ConversionRates
	}
	if len(rates) == 0 {
		return Sheet{}, errors.New("the answer has no rates")
	}
	if updated := answer.UpdatedV4 + answer.UpdatedV6; answer.Date == "" && updated > 0 {
		answer.Date = time.Unix(updated, 0).UTC().Format(time.DateOnly)
	}
	days, err := pricesByDay(rates, answer.Date)
	if err != nil {
		return Sheet{}, err
	}
	return newSheet(answer.Base+answer.BaseCode, days)
}
