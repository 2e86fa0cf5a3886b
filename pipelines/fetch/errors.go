package fetch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrUnavailable is in the chain of an error that was returned without asking the upstream:
// its circuit breaker is open, it asked us to stay away, or the quota is used up. The other
// units of the same upstream will most likely fail alike.
var ErrUnavailable = errors.New("upstream not asked")

// snippetBytes is how much of a refused body an Error keeps.
const snippetBytes = 200

// Error says why a request gave no answer. Its text names the upstream, the address
// with secrets blanked and the status, and can be shown to an operator.
type Error struct {
	// Upstream is the name of the Upstream.
	Upstream string
	// URL is the address asked, secrets blanked.
	URL string
	// Status is the last answer's HTTP status; 0 when there was no complete answer.
	Status int
	// Body is the beginning of the last answer's body, at most 200 bytes, secrets blanked.
	Body string
	// Attempts is how often the request was sent.
	Attempts int
	// Temporary is true when the same request may succeed later.
	Temporary bool
	// Err is the cause.
	Err error
}

// Error returns one line.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "get %s from %s: ", e.URL, e.Upstream)
	if e.Status != 0 {
		fmt.Fprintf(&text, "status %d: ", e.Status)
	}
	text.WriteString(e.Err.Error())
	if e.Body != "" {
		fmt.Fprintf(&text, ": %q", e.Body)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&text, " (%d attempts)", e.Attempts)
	}
	return text.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Transient marks err as worth another try. After is how long the upstream wants to be
// left alone; 0 leaves the wait to the back-off. When after is longer than
// Upstream.MaxWait the request fails and the upstream is not asked again before it is over.
func Transient(err error, after time.Duration) error {
	return &transientError{err: err, after: after}
}

type transientError struct {
	err   error
	after time.Duration
}

// Error returns the cause.
func (e *transientError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *transientError) Unwrap() error { return e.err }

// JSON is a Request.Classify for upstreams that answer in JSON: a body of another kind
// under a status of success (an HTML page, nothing, a document that breaks off) is
// transient. Other statuses are left to the status.
func JSON(r Response) error {
	if r.Status < 200 || r.Status > 299 {
		return nil
	}
	body := TrimJSON(r.Body)
	switch {
	case len(body) == 0:
		return Transient(errors.New("the body is empty"), 0)
	case body[0] != '{' && body[0] != '[':
		return Transient(errors.New("the body is not JSON"), 0)
	case !json.Valid(body):
		return Transient(errors.New("the body is broken JSON"), 0)
	}
	return nil
}

// TrimJSON returns body without a byte order mark and without white space at its ends.
func TrimJSON(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
}

// snippet returns the beginning of body as valid UTF-8 on one line.
func snippet(body []byte, secrets []string) string {
	text := string(body[:min(len(body), 4*snippetBytes)])
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= snippetBytes {
		return text
	}
	end := snippetBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
