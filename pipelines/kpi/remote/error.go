package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"syscall"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// Error is why a source could not be read. Its text is for the source's owner: it names no address that a host resolved to,
// no secret, and nothing of what the other side said beyond a database's message.
type Error struct {
	text string
	err  error
	// again is true when the same request may succeed soon.
	again bool
}

// Error returns what the owner may know.
func (e *Error) Error() string { return e.text }

// Unwrap returns the cause, for the log; it may name addresses.
func (e *Error) Unwrap() error { return e.err }

// FieldError is returned for a definition that cannot work.
type FieldError struct {
	// Field is its place, such as "http.url"; Issue what is wrong with it.
	Field, Issue string
}

// Error names field and issue.
func (e *FieldError) Error() string { return e.Field + ": " + e.Issue }

// problem returns an Error with a text of its own.
func problem(text string) *Error { return &Error{text: text} }

// brokenText is for what nothing better is known of.
const brokenText = "the connection failed or broke off"

// explain turns what dialing and talking met into an Error.
func explain(err error) *Error {
	var known *Error
	var refused *fetch.GuardError
	var unknown *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var server *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused) && refused.Reason != "":
		return &Error{text: "this address may not be asked: " + refused.Reason, err: err}
	case errors.As(err, &refused):
		return &Error{text: "this address may not be asked: it is not public", err: err}
	case errors.As(err, &server):
		return &Error{text: "the database refused it: " + printable(server.Message) + " (" + printable(server.Code) + ")", err: err}
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return &Error{text: "the host name is not known", err: err}
	case errors.As(err, &unknown):
		return &Error{text: "the host name could not be looked up", err: err, again: true}
	case errors.As(err, &certificate):
		return &Error{text: "the server's certificate is not valid for this host, or from nobody who is trusted", err: err}
	case errors.As(err, &record):
		return &Error{text: "the server does not speak TLS", err: err}
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return &Error{text: "no complete answer came in time", err: err}
	case errors.Is(err, context.Canceled):
		return &Error{text: "the reading was interrupted", err: err}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{text: "the server refused the connection", err: err, again: true}
	}
	return &Error{text: brokenText, err: err, again: true}
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// printable returns text on one line, at most 300 bytes of it.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return text
}
