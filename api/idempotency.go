package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// A client that does not know whether its POST arrived sends it again with the same Idempotency-Key, and gets the answer
// of the first. How that is exactly once:
//
//   - The key is claimed in Postgres, with a lease, before anything else happens. Whoever comes while
//     the lease runs is told to wait; when the process that held it died, the next one takes over.
//   - The transaction of the effect stays open until the handler has made its answer, which is kept in the
//     same transaction, provided that the claim is still this request's. So either effect and answer
//     stand, or neither; there is no moment in between.
//   - A handler that opens several such transactions has its answer kept in the last; the earlier ones check the claim.
//   - Only successes are kept: after any other answer nothing was done, and the same key may be used again.
//
// Answers are sealed, since one shows a new API key.

// Header names and codes of repeated requests.
const (
	headerIdempotencyKey = "Idempotency-Key"
	headerReplayed       = "Idempotency-Replayed"

	codeKeyReused     = "IDEMPOTENCY_KEY_REUSED"
	codeKeyInProgress = "IDEMPOTENCY_IN_PROGRESS"
	codeAnswerLost    = "IDEMPOTENCY_ANSWER_LOST"
)

const (
	// keyLife is how long a key is remembered.
	keyLife = 24 * time.Hour
	// leaseMargin is how much longer than its request a lease runs.
	leaseMargin = 10 * time.Second
	// maxKeptBytes bounds an answer that is kept. Those of operations that create are far smaller.
	maxKeptBytes = 1 << 20
)

// claim is what a request with an idempotency key carries.
type claim struct {
	store.Claim
	// held is the transaction of the effect, once there is one.
	held *store.Held
	body *fingerprint
}

// keptAnswer is what is sealed.
type keptAnswer struct {
	Headers http.Header `json:"headers"`
	Body    []byte      `json:"body"`
}

// keptHeaders are the headers that belong to an answer and not to the exchange.
func keptHeaders() []string {
	return []string{"Content-Type", "Location", "ETag", "Last-Modified"}
}

// idempotent makes operations that create answer a repeated request as they answered the first.
func (s *service) idempotent(c huma.Context, next func(huma.Context)) {
	ctx := c.Context()
	e := exchangeFrom(ctx)
	r, w := humago.Unwrap(c)
	keys := r.Header.Values(headerIdempotencyKey)
	if !e.access.creates || len(keys) == 0 {
		next(c)
		return
	}
	if len(keys) != 1 || !validKey(keys[0]) {
		invalid(ctx, "header", headerIdempotencyKey, "expected one key of 1 to 255 visible ASCII characters").write(w)
		return
	}
	mine, err := s.newClaim(ctx, r, keys[0])
	if err != nil {
		s.fail(ctx, err).write(w)
		return
	}
	now := s.clock().UTC()
	kept, err := s.store.ClaimKey(ctx, mine.Claim, now, s.timeOf(e.operation)+leaseMargin, keyLife)
	switch {
	case err != nil:
		s.fail(ctx, err).write(w)
	case kept == nil:
		e.claim = mine
		s.first(c, next)
	case kept.Fingerprint == nil:
		e.replayed = true
		inProgress(ctx).write(w)
	default:
		e.replayed = true
		s.replay(ctx, w, mine, kept, c.Operation().MaxBodyBytes)
	}
}

func (s *service) newClaim(ctx context.Context, r *http.Request, key string) (*claim, error) {
	p, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make claim id: %w", err)
	}
	mine := &claim{Claim: store.Claim{ID: id, UserID: p.UserID, Principal: p.UserID, Key: key, Operation: exchangeFrom(ctx).operation}}
	if p.IsKey() {
		mine.Principal = p.KeyID
	}
	mine.body = newFingerprint(r, mine.Operation, mine.Principal)
	return mine, nil
}

// purpose binds a sealed answer to its key.
func (m *claim) purpose() string {
	return "idempotency_keys/answer/" + m.Principal.String() + "/" + m.Key
}

// first runs the request that claimed the key.
func (s *service) first(c huma.Context, next func(huma.Context)) {
	ctx := c.Context()
	r, w := humago.Unwrap(c)
	e := exchangeFrom(ctx)
	mine := e.claim
	stands := false
	defer func() {
		e.claim = nil
		if !stands { // also after a panic
			s.abandon(ctx, mine)
		}
	}()
	r = r.WithContext(ctx)
	r.Body = mine.body
	out := &recorder{ResponseWriter: w}
	next(humago.NewContext(c.Operation(), r, out))
	if out.status < 200 || out.status >= 300 {
		s.abandon(ctx, mine)
		stands = true // given back already
		out.send()
		return
	}
	if err := s.keepAnswer(ctx, mine, out); err != nil {
		for _, name := range keptHeaders() {
			w.Header().Del(name)
		}
		if errors.Is(err, store.ErrClaimLost) {
			inProgress(ctx).write(w)
			return
		}
		s.fail(ctx, err).write(w)
		return
	}
	stands = true
	out.send()
}

// keepAnswer keeps the answer with the effect.
func (s *service) keepAnswer(ctx context.Context, mine *claim, out *recorder) error {
	sum, err := mine.body.sum()
	if err != nil {
		return invalid(ctx, "body", "body", "the body ended early or is not framed right").because(ctx, err)
	}
	answer := keptAnswer{Headers: http.Header{}, Body: out.body.Bytes()}
	for _, name := range keptHeaders() {
		if values := out.Header().Values(name); len(values) > 0 {
			answer.Headers[name] = values
		}
	}
	if len(answer.Body) > maxKeptBytes {
		return fmt.Errorf("keep answer: %d bytes, want at most %d", len(answer.Body), maxKeptBytes)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	kept := store.KeptAnswer{Fingerprint: sum, Status: out.status, Sealed: s.answers.Seal(mine.purpose(), text)}
	if mine.held == nil {
		return s.store.KeepAnswer(ctx, mine.Claim, kept)
	}
	if err := mine.held.KeepAnswer(ctx, mine.Claim, kept); err != nil {
		return err
	}
	return s.commitHeld(ctx, mine)
}

func (s *service) commitHeld(ctx context.Context, mine *claim) error {
	held := mine.held
	mine.held = nil
	if err := held.Commit(ctx); err != nil {
		return err
	}
	exchangeFrom(ctx).audited = true
	return nil
}

// abandon undoes what is not committed and gives the key back. If that fails, the lease ends by itself.
func (s *service) abandon(ctx context.Context, mine *claim) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	var err error
	if mine.held != nil {
		err = mine.held.Release(ctx)
		mine.held = nil
	}
	if err = errors.Join(err, s.store.DropClaim(ctx, mine.Claim)); err != nil {
		s.logger.WarnContext(ctx, "idempotency key not given back", "request", exchangeFrom(ctx).id, "error", err)
	}
}

// standing does work in a transaction that stands when it returns; of a request with an idempotency key, when its answer
// is kept.
func (s *service) standing(ctx context.Context, work func() (*store.Held, error)) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	held, err := work()
	if err != nil {
		return err
	}
	e := exchangeFrom(ctx)
	if e.claim != nil {
		e.claim.held = held
		return nil
	}
	if err := held.Commit(ctx); err != nil {
		return err
	}
	e.audited = true
	return nil
}

// settle commits the transaction that is open for the request's answer: the handler goes on to another one, which must
// see what was done.
func (s *service) settle(ctx context.Context) error {
	mine := exchangeFrom(ctx).claim
	if mine == nil || mine.held == nil {
		return nil
	}
	if err := mine.held.CheckClaim(ctx, mine.Claim); err != nil {
		return err
	}
	return s.commitHeld(ctx, mine)
}

// replay answers as the first request with the key was answered, if this one asks the same.
func (s *service) replay(ctx context.Context, w http.ResponseWriter, mine *claim, kept *store.KeptAnswer, most int64) {
	if most > 0 {
		mine.body.bound(w, most)
	}
	sum, err := mine.body.sum()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		byStatus(ctx, http.StatusRequestEntityTooLarge).write(w)
		return
	case err != nil:
		invalid(ctx, "body", "body", "the body ended early or is not framed right").because(ctx, err).write(w)
		return
	case !bytes.Equal(sum, kept.Fingerprint):
		problem(ctx, http.StatusConflict, codeKeyReused, "This Idempotency-Key was used for another request. Use a new key for each.").write(w)
		return
	}
	text, err := s.answers.Open(mine.purpose(), kept.Sealed)
	var answer keptAnswer
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		problem(ctx, http.StatusConflict, codeAnswerLost, "This was done, but its answer can no longer be shown.").because(ctx, err).write(w)
		return
	}
	for name, values := range answer.Headers {
		w.Header()[name] = values
	}
	w.Header().Set(headerReplayed, "true")
	w.WriteHeader(kept.Status)
	_, _ = w.Write(answer.Body) // a caller that left cannot be told
}

func inProgress(ctx context.Context) *errorEnvelope {
	return problem(ctx, http.StatusConflict, codeKeyInProgress, "The first request with this Idempotency-Key is still being worked on.").
		with("Retry-After", strconv.Itoa(1))
}

func validKey(key string) bool {
	for _, c := range []byte(key) {
		if c < '!' || c > '~' {
			return false
		}
	}
	return len(key) >= 1 && len(key) <= 255
}

// recorder keeps an answer back. Its headers are those of the real one.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the first final status.
func (o *recorder) WriteHeader(status int) {
	if o.status == 0 && status >= http.StatusOK {
		o.status = status
	}
}

// Write keeps a part of the body.
func (o *recorder) Write(b []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	return o.body.Write(b)
}

// Unwrap lets http.ResponseController reach deadlines.
func (o *recorder) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *recorder) send() {
	if o.status != 0 {
		o.ResponseWriter.WriteHeader(o.status)
		_, _ = o.body.WriteTo(o.ResponseWriter) // a caller that left cannot be told
	}
}

var (
	_ http.ResponseWriter = (*recorder)(nil)
	_ io.ReadCloser       = (*fingerprint)(nil)
)

// newFingerprint begins the fingerprint of what r asks.
func newFingerprint(r *http.Request, operation string, caller uuid.UUID) *fingerprint {
	f := &fingerprint{source: r.Body, hash: sha256.New(), mark: boundaryOf(r)}
	fmt.Fprintf(f.hash, "%s %s %s\n%s?%s\n", r.Method, operation, caller, r.URL.EscapedPath(), r.URL.RawQuery)
	return f
}

// idempotencyParameter describes the header in the contract.
func idempotencyParameter() *huma.Param {
	least, most := 1, 255
	return &huma.Param{Name: headerIdempotencyKey, In: "header", Example: "0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f",
		Description: "A key of your own for this request, such as a random UUID. Sent again with the same body within 24 hours, it is answered as the first time, " +
			"with Idempotency-Replayed: true, and nothing is done twice. With another body, or while the first is being worked on, the answer is 409.",
		Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most, Pattern: "^[!-~]+$"}}
}
