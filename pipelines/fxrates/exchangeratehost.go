package fxrates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// ExchangeRateHostUpstream returns how exchangerate.host is asked with key. Base is its
// base URL; empty means the public server.
func ExchangeRateHostUpstream(base, key string) fetch.Upstream {
	if base == "" {
		base = "https://api.exchangerate.host"
	}
	return fetch.Upstream{
		Name: "exchangerate-host", BaseURL: base, PerDay: 50, MinInterval: time.Second, MaxBytes: 4 << 20, CacheFor: 24 * time.Hour,
		Secrets: []string{key},
	}
}

type exchangeRateHost struct {
	client *fetch.Client
	key    string
}

// ExchangeRateHost returns the provider exchangerate.host, asked through client's upstream
// "exchangerate-host". Plans without cost offer about 100 requests a month and no base but USD.
func ExchangeRateHost(client *fetch.Client, key string) Provider {
	return exchangeRateHost{client, key}
}

// Name returns "exchangerate-host".
func (exchangeRateHost) Name() string { return "exchangerate-host" }

// Rates asks for the time frame of span.
func (e exchangeRateHost) Rates(ctx context.Context, base string, span Span) (Sheet, error) {
	query := url.Values{
		"access_key": {e.key}, "source": {base},
		"start_date": {dataset.FromDays(span.First).Format(time.DateOnly)}, "end_date": {dataset.FromDays(span.Last).Format(time.DateOnly)},
	}
	return get(ctx, e.client, fetch.Request{Upstream: "exchangerate-host", Path: "/timeframe", Query: query}, decodeExchangeRateHost)
}

// hostAnswer has the names of before September 2023 (base, rates) and of since (source, quotes).
type hostAnswer struct {
	Success   *bool           `json:"success"`
	Base      string          `json:"base"`
	Source    string          `json:"source"`
	Date      string          `json:"date"`
	Timestamp int64           `json:"timestamp"`
	Rates     json.RawMessage `json:"rates"`
	Quotes    json.RawMessage `json:"quotes"`
	Error     *hostError      `json:"error"`
}

type hostError struct {
	Code    json.RawMessage `json:"code"` // a number, or a text at sister services
	Type    string          `json:"type"`
	Info    string          `json:"info"`
	Message string          `json:"message"`
}

// decodeExchangeRateHost decodes the old and the new form. Errors come under any status.
func decodeExchangeRateHost(response fetch.Response) (Sheet, error) {
	var answer hostAnswer
	if err := decodeJSON(response, &answer); err != nil {
		return Sheet{}, err
	}
	switch {
	case answer.Error != nil:
		return Sheet{}, answer.Error.judge()
	case answer.Success != nil && !*answer.Success:
		return Sheet{}, errors.New("exchangerate.host says that it did not succeed, not why")
	case response.Status < 200 || response.Status > 299:
		return Sheet{}, busyOr(response.Status, fmt.Errorf("status %d", response.Status))
	}
	if answer.Date == "" && answer.Timestamp > 0 {
		answer.Date = time.Unix(answer.Timestamp, 0).UTC().Format(time.DateOnly)
	}
	if len(answer.Quotes) > 0 {
		days, err := pricesByDay(answer.Quotes, answer.Date)
		if err != nil {
			return Sheet{}, err
		}
		return newSheet(answer.Source, withoutPrefix(days, answer.Source))
	}
	if len(answer.Rates) == 0 {
		return Sheet{}, errors.New("the answer has no rates")
	}
	days, err := pricesByDay(answer.Rates, answer.Date)
	if err != nil {
		return Sheet{}, err
	}
	return newSheet(answer.Base, days)
}

// judge tells a used up allowance, after which asking is useless for hours, from a wrong
// request. The codes are those of the apilayer family.
func (e *hostError) judge() error {
	text := e.Info + e.Message
	err := fmt.Errorf("exchangerate.host error %s %s: %s", strings.Trim(string(e.Code), `"`), e.Type, text)
	switch strings.Trim(string(e.Code), `"`) {
	case "104", "usage_limit_reached":
		return fetch.Transient(err, 12*time.Hour)
	case "106", "rate_limit_reached":
		return fetch.Transient(err, 10*time.Minute)
	}
	return err
}

// withoutPrefix takes the source off keys such as "USDEUR". A key that does not begin with it
// stays and is refused as a currency.
func withoutPrefix(days map[string]map[string]string, source string) map[string]map[string]string {
	for date, prices := range days {
		short := make(map[string]string, len(prices))
		for pair, price := range prices {
			code, found := strings.CutPrefix(pair, source)
			if !found {
				code = pair
			}
			short[code] = price
		}
		days[date] = short
	}
	return days
}
