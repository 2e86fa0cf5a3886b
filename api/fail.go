package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// fail maps what a handler met to the one answer that a client gets. The cause goes to
// the log line of the request and nowhere else.
func (s *service) fail(ctx context.Context, err error) *errorEnvelope {
	var known *errorEnvelope
	var throttled *auth.ThrottledError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, store.ErrNotFound):
		return notFound(ctx)
	case errors.Is(err, store.ErrConflict):
		return problem(ctx, http.StatusConflict, codeConflict, "That exists already.")
	case errors.Is(err, store.ErrInvalid):
		return invalid(ctx, "body", "body", "a value that cannot be kept").because(ctx, err)
	case errors.Is(err, auth.ErrCredentials):
		return problem(ctx, http.StatusUnauthorized, codeCredentials, "E-mail or password is wrong.").
			with("WWW-Authenticate", challenge)
	case errors.Is(err, auth.ErrToken):
		return invalidToken(ctx)
	case errors.Is(err, auth.ErrCode):
		return problem(ctx, http.StatusUnauthorized, codeCode, "The code of the second factor is wrong or was used before.").
			with("WWW-Authenticate", challenge)
	case errors.Is(err, auth.ErrCodeNeeded):
		return invalid(ctx, "body", "body.code", "required: the account has a second factor")
	case errors.As(err, &throttled):
		return rateLimited(ctx, throttled.Wait)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, auth.ErrBusy),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable(ctx, err)
	}
	return internal(ctx, err)
}
