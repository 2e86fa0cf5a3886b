package geonames

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// Code is the value of an error answer's status.
type Code int

// The codes that a caller tells apart; the service's documentation lists all.
const (
	CodeAuthorisation Code = 10 // user name missing, unknown or not enabled
	CodeNoRecord      Code = 11
	CodeDatabase      Code = 13 // database timeout
	CodeNoResult      Code = 15
	CodeNoPostalCode  Code = 17
	CodeDailyLimit    Code = 18
	CodeHourlyLimit   Code = 19
	CodeWeeklyLimit   Code = 20
	CodeOverloaded    Code = 22
)

// StatusError is what the service says under {"status":{...}}, with any HTTP status.
type StatusError struct {
	Code    Code
	Message string // trimmed; the account's name in limit messages is blanked
}

// Error returns the service's message and code.
func (e *StatusError) Error() string {
	return fmt.Sprintf("the service says: %s (code %d)", e.Message, e.Code)
}

// Empty reports whether the code only says that there is no such thing.
func (e *StatusError) Empty() bool {
	return e.Code == CodeNoResult || e.Code == CodeNoPostalCode || e.Code == CodeNoRecord
}

// Wait returns whether asking again may help, and how long to stay away first, seen from
// at. Used-up credits are renewed with the hour, the UTC day or the UTC week; asking before
// makes it worse.
func (e *StatusError) Wait(at time.Time) (wait time.Duration, ok bool) {
	at = at.UTC()
	day := at.Truncate(24 * time.Hour)
	switch e.Code {
	case CodeDatabase, CodeOverloaded:
		return 0, true
	case CodeHourlyLimit:
		return at.Truncate(time.Hour).Add(time.Hour).Sub(at), true
	case CodeDailyLimit:
		return day.Add(24 * time.Hour).Sub(at), true
	case CodeWeeklyLimit:
		sinceMonday := (int(at.Weekday()) + 6) % 7
		return day.AddDate(0, 0, 7-sinceMonday).Sub(at), true
	}
	return 0, false
}

// accountName is the name that limit messages tell to everybody who reads a log.
var accountName = regexp.MustCompile(`credits for \S+ has been exceeded`)

func newStatusError(code Code, message string) *StatusError {
	message = accountName.ReplaceAllString(strings.TrimSpace(message), "credits for *** has been exceeded")
	return &StatusError{Code: code, Message: message}
}

// readStatus returns the error that body states, nil when it states none. XML comes
// when a path lacks its JSON ending.
func readStatus(body []byte) *StatusError {
	var answer struct {
		Status *struct {
			Message string `json:"message" xml:"message,attr"`
			Value   Code   `json:"value" xml:"value,attr"`
		} `json:"status" xml:"status"`
	}
	unmarshal := json.Unmarshal
	if bytes.HasPrefix(body, []byte("<")) {
		unmarshal = xml.Unmarshal
	}
	if err := unmarshal(body, &answer); err != nil || answer.Status == nil {
		return nil
	}
	return newStatusError(answer.Status.Value, answer.Status.Message)
}

// classify decides for fetch: by the body's code first, whatever the HTTP status. An
// empty result is an answer to keep.
func classify(r fetch.Response) error {
	status := readStatus(fetch.TrimJSON(r.Body))
	if status == nil {
		return fetch.JSON(r)
	}
	if wait, ok := status.Wait(r.FetchedAt); ok {
		return fetch.Transient(status, wait)
	}
	if status.Empty() && r.Status == http.StatusOK {
		return nil
	}
	return status
}
