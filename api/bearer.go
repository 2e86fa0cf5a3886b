package api

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/signalcraft/signalcraft/api/auth"
)

// challenge is what WWW-Authenticate says (RFC 6750, section 3).
const challenge = `Bearer realm="signalcraft"`

// authenticate lets an operation that is not for anyone run only with a valid token or key and only if its row
// of accessOf permits it, and puts the principal into its context. It runs before any input is read.
func (s *service) authenticate(c huma.Context, next func(huma.Context)) {
	ctx := c.Context()
	e := exchangeFrom(ctx)
	if e.access.who == anyone {
		next(c)
		return
	}
	r, w := humago.Unwrap(c)
	raw, ok := bearerToken(r.Header)
	if !ok && e.operation == operationSocket {
		raw, ok = socketToken(r.Header)
	}
	if !ok {
		problem(ctx, http.StatusUnauthorized, codeSignIn, "Sign in first and send the access token.").
			with("WWW-Authenticate", challenge).write(w)
		return
	}
	p, err := s.auth.Authenticate(ctx, raw)
	switch {
	case errors.Is(err, auth.ErrToken):
		invalidToken(ctx).write(w)
		return
	case err != nil:
		s.fail(ctx, err).write(w)
		return
	}
	e.user, e.caller = p.UserID.String(), &p
	ctx = auth.WithPrincipal(ctx, p)
	if err := s.admitCaller(ctx); err != nil {
		s.fail(ctx, err).write(w)
		return
	}
	if refused := s.permit(ctx, e.access, p); refused != nil {
		refused.write(w)
		return
	}
	next(huma.WithContext(c, ctx))
}

// invalidToken is the one answer to every token or key that is not good, whatever is wrong with it.
func invalidToken(ctx context.Context) *errorEnvelope {
	return problem(ctx, http.StatusUnauthorized, codeToken, "The token or key is not valid. Sign in again.").
		with("WWW-Authenticate", challenge+`, error="invalid_token"`)
}

// bearerToken returns the one token of the Authorization header (RFC 6750, section 2.1). A token has no character that
// a proxy or a parser could take for something else.
func bearerToken(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && bearerText.MatchString(token)
}

var bearerText = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// principal is the caller of an operation that requires one.
func principal(ctx context.Context) (auth.Principal, error) {
	p, ok := auth.PrincipalFrom(ctx)
	if !ok {
		return auth.Principal{}, errors.New("operation without a principal")
	}
	return p, nil
}
