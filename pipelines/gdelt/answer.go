package gdelt

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxRaw  = 4096 // bytes of a refused item that are kept
	maxText = 200  // bytes of a refused body that are kept
)

// Kind says what to do about an answer that holds no data.
type Kind int

// The kinds of answers without data. GDELT sends all of them under HTTP 200.
const (
	// Rejected: the query is wrong; asking again gives the same.
	Rejected Kind = iota + 1
	// Limited: too many requests; wait minutes, not seconds.
	Limited
	// Unavailable: an empty body, an HTML page, or bytes that are no answer; try again later.
	Unavailable
	// Unknown: sound JSON of a form that the decoder does not know; the service has changed.
	Unknown
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"none", "rejected", "limited", "unavailable", "unknown"}[k]
}

// AnswerError is returned for a body that holds no data; Kind says whether to ask again.
type AnswerError struct {
	Kind Kind
	Text string // what the service said, at most 200 bytes
}

// Error returns the kind and what the service said.
func (e *AnswerError) Error() string { return fmt.Sprintf("answer %s: %s", e.Kind, e.Text) }

// A sentence is how the service refuses a query; new wordings appear, so the shape counts.
var sentence = regexp.MustCompile(`^[A-Z][^<>{}]{3,400}\.["”)]?$`)

// checkBody returns nil when body looks like JSON, and otherwise the *AnswerError that
// its text means. The body has no byte order mark.
func checkBody(body []byte) error {
	text := bytes.TrimSpace(body)
	lower := strings.ToLower(string(text[:min(len(text), 1024)]))
	switch {
	case len(text) == 0:
		return &AnswerError{Kind: Unavailable, Text: "empty body"}
	case text[0] == '{' || text[0] == '[':
		return nil
	case strings.Contains(lower, "limit requests"):
		return &AnswerError{Kind: Limited, Text: start(text)}
	case text[0] == '<':
		return &AnswerError{Kind: Unavailable, Text: "HTML page: " + start(text)}
	case sentence.Match(text):
		return &AnswerError{Kind: Rejected, Text: start(text)}
	}
	return &AnswerError{Kind: Unavailable, Text: "neither JSON nor a sentence: " + start(text)}
}

// start returns the beginning of a body for an error text.
func start(body []byte) string { return clip(body, maxText) }

// clip returns at most n bytes of b as valid UTF-8, cut at a rune's edge.
func clip(b []byte, n int) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
