package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// The stable codes of the error envelope. Clients branch on them; texts may change.
const (
	codeValidation  = "VALIDATION_ERROR"
	codeSignIn      = "AUTHENTICATION_REQUIRED"
	codeToken       = "INVALID_TOKEN"
	codeCredentials = "INVALID_CREDENTIALS"
	codeForbidden   = "FORBIDDEN"
	codeScope       = "INSUFFICIENT_SCOPE"
	codeProof       = "PROOF_REQUIRED"
	codeLimit       = "LIMIT_REACHED"
	codeConflict    = "CONFLICT"
	codeNotFound    = "NOT_FOUND"
	codeRateLimited = "RATE_LIMITED"
	codeInternal    = "INTERNAL_ERROR"
	codeUnavailable = "SERVICE_UNAVAILABLE"
)

// errorEnvelope is the body of every answer that is not a success.
type errorEnvelope struct {
	status  int
	headers http.Header
	cause   error
	Problem errorProblem `json:"error" doc:"What went wrong"`
}

type errorProblem struct {
	Code    string       `json:"code" doc:"Stable code to branch on" example:"VALIDATION_ERROR"`
	Message string       `json:"message" doc:"Text for people; may change" example:"The request is not valid."`
	Details errorDetails `json:"details" doc:"What the code needs to be acted upon"`
}

type errorDetails struct {
	RequestID string       `json:"request_id" doc:"Id of this request, also in the X-Request-Id header and in the log" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Field     string       `json:"field,omitempty" doc:"First field that was refused" example:"limit"`
	In        string       `json:"in,omitempty" doc:"Where that field is" enum:"path,query,header,body" example:"query"`
	Issue     string       `json:"issue,omitempty" doc:"What is wrong with that field" example:"expected number <= 5000"`
	Needs     string       `json:"needs,omitempty" doc:"Least role that the operation needs" example:"admin"`
	Limit     string       `json:"limit,omitempty" doc:"Limit of the subscription that is reached" example:"sources"`
	Maximum   int          `json:"maximum,omitempty" doc:"How many that limit allows" example:"3"`
	Others    []errorField `json:"others,omitempty" nullable:"false" doc:"Further refused fields" maxItems:"20"`
}

type errorField struct {
	Field string `json:"field" doc:"Field that was refused" example:"cursor"`
	In    string `json:"in" doc:"Where that field is" example:"query"`
	Issue string `json:"issue" doc:"What is wrong with it" example:"not a cursor of this list"`
}

// maxOthers bounds the list of further refused fields.
const maxOthers = 20

// Error returns the public text, and for the log the cause behind it.
func (e *errorEnvelope) Error() string {
	if e.cause != nil {
		return e.Problem.Message + ": " + e.cause.Error()
	}
	return e.Problem.Message
}

// Unwrap returns the cause, which never leaves the process but in the log.
func (e *errorEnvelope) Unwrap() error { return e.cause }

// GetStatus returns the HTTP status; huma asks for it.
func (e *errorEnvelope) GetStatus() int { return e.status }

// GetHeaders returns the headers that belong to the error; huma asks for them.
func (e *errorEnvelope) GetHeaders() http.Header { return e.headers }

// problem returns the envelope for one status. The request id and the log come from ctx.
func problem(ctx context.Context, status int, code, message string) *errorEnvelope {
	e := &errorEnvelope{status: status, Problem: errorProblem{Code: code, Message: message}}
	x := exchangeFrom(ctx)
	x.code = code
	e.Problem.Details.RequestID = x.id
	return e
}

// with adds a header to the answer.
func (e *errorEnvelope) with(key, value string) *errorEnvelope {
	if e.headers == nil {
		e.headers = http.Header{}
	}
	e.headers.Set(key, value)
	return e
}

// because keeps the cause for the log line of the request.
func (e *errorEnvelope) because(ctx context.Context, cause error) *errorEnvelope {
	e.cause = cause
	exchangeFrom(ctx).cause = cause
	return e
}

func invalid(ctx context.Context, in, field, issue string) *errorEnvelope {
	e := problem(ctx, http.StatusBadRequest, codeValidation, "The request is not valid.")
	e.Problem.Details.In, e.Problem.Details.Field, e.Problem.Details.Issue = in, field, issue
	return e
}

// notFound is the one answer for what is absent and for what the caller may not see.
func notFound(ctx context.Context) *errorEnvelope {
	return problem(ctx, http.StatusNotFound, codeNotFound, "There is nothing here that you may see.")
}

func unavailable(ctx context.Context, cause error) *errorEnvelope {
	return problem(ctx, http.StatusServiceUnavailable, codeUnavailable, "The service is busy or restarting. Try again shortly.").
		with("Retry-After", "5").because(ctx, cause)
}

func internal(ctx context.Context, cause error) *errorEnvelope {
	return problem(ctx, http.StatusInternalServerError, codeInternal, "Something went wrong on our side.").because(ctx, cause)
}

func rateLimited(ctx context.Context, wait time.Duration) *errorEnvelope {
	return problem(ctx, http.StatusTooManyRequests, codeRateLimited, "Too many requests. Try again later.").
		with("Retry-After", strconv.Itoa(max(seconds(wait), 1)))
}

// byStatus is the envelope for a status that the router or huma decided on.
func byStatus(ctx context.Context, status int) *errorEnvelope {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return problem(ctx, http.StatusBadRequest, codeValidation, "The request is not valid.")
	case http.StatusNotFound:
		return notFound(ctx)
	case http.StatusMethodNotAllowed:
		return problem(ctx, status, "METHOD_NOT_ALLOWED", "This address does not answer that method; see the Allow header.")
	case http.StatusRequestTimeout:
		return problem(ctx, status, "REQUEST_TIMEOUT", "The request body took too long.")
	case http.StatusRequestEntityTooLarge:
		return problem(ctx, status, "PAYLOAD_TOO_LARGE", "The request body is too large.")
	case http.StatusUnsupportedMediaType:
		return problem(ctx, status, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.")
	}
	return problem(ctx, http.StatusInternalServerError, codeInternal, "Something went wrong on our side.")
}

// useEnvelope makes huma's own errors wear the envelope. huma offers package variables
// for that and nothing else; they are set once, to the same functions for every handler.
var useEnvelope = sync.OnceFunc(func() {
	// The contract's schemas are made with this one; no request is known then.
	huma.NewError = func(status int, message string, _ ...error) huma.StatusError {
		return &errorEnvelope{status: status, Problem: errorProblem{Code: codeInternal, Message: message}}
	}
	huma.NewErrorWithContext = func(c huma.Context, status int, _ string, errs ...error) huma.StatusError {
		return fromHuma(c.Context(), status, errs)
	}
})

// fromHuma translates what huma found wrong with a request. The refused value is left
// out: it may be a password.
func fromHuma(ctx context.Context, status int, errs []error) *errorEnvelope {
	for _, err := range errs {
		var broken *bodyError
		if errors.As(err, &broken) {
			return invalid(ctx, "body", "body", "the body ended early or is not framed right")
		}
		if status >= http.StatusInternalServerError {
			return internal(ctx, errors.Join(errs...))
		}
	}
	e := byStatus(ctx, status)
	d := &e.Problem.Details
	for i, err := range errs {
		var detail huma.ErrorDetailer
		if !errors.As(err, &detail) {
			continue
		}
		found := detail.ErrorDetail()
		in, field, ok := strings.Cut(found.Location, ".")
		if !ok {
			field = in
		}
		switch {
		case i == 0:
			d.In, d.Field, d.Issue = in, field, found.Message
		case len(d.Others) < maxOthers:
			d.Others = append(d.Others, errorField{field, in, found.Message})
		}
	}
	return e
}

// write sends e outside huma.
func (e *errorEnvelope) write(w http.ResponseWriter) {
	for key, values := range e.headers {
		w.Header()[key] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// The status is out; a client that is gone cannot be told.
	_ = encoder.Encode(e)
}
