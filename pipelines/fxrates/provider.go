package fxrates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// Provider states exchange rates.
type Provider interface {
	// Name is what rows carry as their provider: lower case letters and dashes.
	Name() string
	// Rates returns the rates of base for span. Days without a rate are absent, days outside span may be
	// there. The answer's base is what the provider states; the caller compares it.
	Rates(ctx context.Context, base string, span Span) (Sheet, error)
}

// errNotOffered is returned by a provider that does not serve such a span or base.
var errNotOffered = errors.New("not offered by this provider")

// get asks client for r and decodes the answer, which is decoded as part of judging it:
// an answer that cannot be decoded is asked for again and never cached.
func get(ctx context.Context, client *fetch.Client, r fetch.Request, decode func(fetch.Response) (Sheet, error)) (Sheet, error) {
	var sheet Sheet
	r.Classify = func(response fetch.Response) error {
		var err error
		sheet, err = decode(response)
		return err
	}
	response, err := client.Get(ctx, r)
	if err != nil {
		return Sheet{}, err
	}
	if response.Cached {
		return decode(response)
	}
	return sheet, nil
}

// decodeJSON decodes the body of response into v. A body that is not JSON is a passing
// fault of the upstream whatever its status; a document of another shape is not.
func decodeJSON(response fetch.Response, v any) error {
	body := fetch.TrimJSON(response.Body)
	if len(body) == 0 || (body[0] != '{' && body[0] != '[') || !json.Valid(body) {
		if response.Status >= 400 && response.Status < 500 && response.Status != 429 {
			return fmt.Errorf("status %d and a body that is not JSON", response.Status)
		}
		return fetch.Transient(errors.New("the body is not a JSON document"), 0)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}
