package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Errors that callers branch on. Each is wrapped in one that says what was done.
var (
	// ErrUnavailable is returned when Postgres cannot be reached, is starting or stopping, or cut
	// the connection. What was asked for may succeed when tried again.
	ErrUnavailable = errors.New("database is unavailable")
	// ErrNotFound is returned when the row does not exist, or belongs to somebody whom the
	// caller may not see; the two cannot be told apart.
	ErrNotFound = errors.New("not found")
	// ErrConflict is returned when a row with the same name or key exists already.
	ErrConflict = errors.New("exists already")
	// ErrInvalid is returned when a value breaks a rule of the schema; the text names the rule.
	ErrInvalid = errors.New("invalid value")
)

// Classify turns an error of the driver into one that wraps both it and the store's error it
// stands for. It returns other errors, and nil, unchanged.
func Classify(err error) error {
	kind := kindOf(err)
	if kind == nil || errors.Is(err, kind) {
		return err
	}
	return &classified{kind: kind, cause: err}
}

// classified reads as its cause and is both.
type classified struct{ kind, cause error }

// Error returns kind and cause.
func (c *classified) Error() string { return c.kind.Error() + ": " + c.cause.Error() }

// Unwrap returns both, so that errors.Is finds either.
func (c *classified) Unwrap() []error { return []error{c.kind, c.cause} }

func kindOf(err error) error {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connect):
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNotFound
	case errors.As(err, &refused):
		return kindOfCode(refused.Code)
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		pgconn.SafeToRetry(err): // nothing was sent, such as on a connection that had broken before
		return ErrUnavailable
	}
	return nil
}

// kindOfCode goes by the SQLSTATE codes of the manual's appendix A.
func kindOfCode(code string) error {
	switch code {
	case "23505": // unique_violation
		return ErrConflict
	case "23503", "23514", "23502", // foreign_key_violation, check_violation, not_null_violation
		"22021", "22P05", "22P02", "22001", "22003", "22008", "22007": // text that is no text, has a zero byte, is too long; numbers and times beyond range
		return ErrInvalid
	case "57P01", "57P02", "57P03", "57P05", "53300", // shutdown, crash, starting, idle timeout, too many connections
		"57014", "25P03", "40001", "40P01": // statement timeout, idle in transaction, serialization failure, deadlock
		return ErrUnavailable
	}
	if strings.HasPrefix(code, "08") || strings.HasPrefix(code, "58") { // connection exceptions; system errors such as a full disk
		return ErrUnavailable
	}
	return nil
}
