package openmeteo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// APIError is what the service says under {"error":true,"reason":...}.
type APIError struct {
	Reason string
}

// Error returns the service's reason.
func (e *APIError) Error() string { return "the service says: " + e.Reason }

// Limit returns when a used-up allowance is renewed, seen from at, and whether the
// reason is a used-up allowance at all. The service's counters run out at the turn of the
// minute, hour and UTC day; too many concurrent requests are renewed at once (0).
func (e *APIError) Limit(at time.Time) (wait time.Duration, ok bool) {
	at = at.UTC()
	reason := strings.ToLower(e.Reason)
	switch {
	case strings.Contains(reason, "concurrent requests"):
		return 0, true
	case !strings.Contains(reason, "limit exceeded"):
		return 0, false
	case strings.HasPrefix(reason, "hourly"):
		return at.Truncate(time.Hour).Add(time.Hour).Sub(at), true
	case strings.HasPrefix(reason, "daily"):
		return at.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(at), true
	}
	return at.Truncate(time.Minute).Add(time.Minute).Sub(at), true
}

// Overloaded reports whether the service is up but busy.
func (e *APIError) Overloaded() bool { return strings.Contains(e.Reason, "overloaded") }

// OneLocation reports whether the reason lies in one location of the request, so that
// the others would be answered without it.
func (e *APIError) OneLocation() bool {
	for _, start := range []string{"No data is available for this location", "Latitude must be", "Longitude must be", "Invalid timezone"} {
		if strings.HasPrefix(e.Reason, start) {
			return true
		}
	}
	return false
}

// classify decides for fetch: by the body's reason first, and a body that is no
// complete JSON under a status of success broke off while it was streamed.
func classify(r fetch.Response) error {
	apiErr := readError(fetch.TrimJSON(r.Body))
	if apiErr == nil {
		return fetch.JSON(r)
	}
	if wait, ok := apiErr.Limit(r.FetchedAt); ok {
		return fetch.Transient(apiErr, wait)
	}
	if apiErr.Overloaded() || r.Status == http.StatusTooManyRequests || r.Status >= http.StatusInternalServerError {
		return fetch.Transient(apiErr, 0)
	}
	return apiErr
}

// readError returns the error that body states, nil when it states none. The order of
// the two keys varies.
func readError(body []byte) *APIError {
	if len(body) == 0 || body[0] != '{' {
		return nil
	}
	var answer struct {
		Error  bool   `json:"error"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || !answer.Error {
		return nil
	}
	return &APIError{Reason: answer.Reason}
}

// refusedLocation returns the service's reason when err blames one location.
func refusedLocation(err error) (*APIError, bool) {
	var apiErr *APIError
	return apiErr, errors.As(err, &apiErr) && apiErr.OneLocation()
}

// errCount is the cause when an answer has another number of locations than the request.
func errCount(got, want int) error {
	return fmt.Errorf("the answer has %d locations, want the %d asked for", got, want)
}
