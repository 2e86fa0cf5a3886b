package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// newExecutor returns retries around a circuit breaker around one attempt.
func (c *Client) newExecutor(u *upstream) failsafe.Executor[Response] {
	transient := func(_ Response, err error) bool {
		var mark *transientError
		return errors.As(err, &mark)
	}
	retry := retrypolicy.NewBuilder[Response]().
		HandleIf(transient).
		AbortIf(func(_ Response, err error) bool { return u.after(err) > u.MaxWait }).
		WithMaxAttempts(u.Attempts).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[Response]) time.Duration {
			return c.delay(u, e.Attempts(), e.LastError())
		}).
		OnRetryScheduled(func(e failsafe.ExecutionScheduledEvent[Response]) {
			c.config.Logger.Warn("upstream asked again", "upstream", u.Name, "attempt", e.Attempts(), "delay", e.Delay, "error", e.LastError())
		}).
		ReturnLastFailure().
		Build()
	breaker := circuitbreaker.NewBuilder[Response]().
		HandleIf(transient).
		WithFailureThreshold(u.BreakAfter).
		WithSuccessThreshold(1).
		WithDelay(u.BreakFor).
		Build()
	return failsafe.With[Response](retry, breaker)
}

// after returns how long the upstream asked to be left alone with err, 0 when it did not say.
func (u *upstream) after(err error) time.Duration {
	var mark *transientError
	if errors.As(err, &mark) {
		return mark.after
	}
	return 0
}

// delay is the wait before the next attempt: exponential back-off with full jitter
// (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015), on top of what the upstream asked for.
func (c *Client) delay(u *upstream, attempts int, err error) time.Duration {
	bound := u.Backoff << min(attempts-1, 16)
	bound = min(max(bound, 1), u.MaxWait)
	c.randMu.Lock()
	jitter := time.Duration(c.config.Rand.Int64N(int64(bound)))
	c.randMu.Unlock()
	return u.after(err) + jitter
}

// send asks the upstream until it has an answer, the attempts are used up or asking is useless.
func (c *Client) send(ctx context.Context, u *upstream, r Request, target *url.URL, old *entry) (Response, error) {
	select {
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return Response{}, ctx.Err()
	}
	start := c.config.Now()
	attempts, last := 0, Response{}
	response, err := u.executor.WithContext(ctx).Get(func() (Response, error) {
		if err := u.quota.wait(ctx, max(r.Cost, 1), c.config.Now, u.MaxWait); err != nil {
			return Response{}, err
		}
		attempts++
		last = Response{}
		return c.attempt(ctx, u, r, target, old, &last)
	})
	if err == nil {
		c.config.Logger.DebugContext(ctx, "upstream answered", "upstream", u.Name, "url", response.URL, "status", response.Status,
			"bytes", len(response.Body), "cached", response.Cached, "attempts", attempts, "took", c.config.Now().Sub(start))
		return response, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, circuitbreaker.ErrOpen) {
		err = fmt.Errorf("%w: too many failures in a row, circuit breaker open for up to %s", ErrUnavailable, u.BreakFor)
	}
	if after := u.after(err); after > u.MaxWait {
		u.quota.block(c.config.Now().Add(after))
	}
	var mark *transientError
	return Response{}, &Error{
		Upstream: u.Name, URL: u.redact(target), Status: last.Status, Body: snippet(last.Body, u.Secrets), Attempts: attempts,
		Temporary: errors.As(err, &mark) || errors.Is(err, ErrUnavailable), Err: err,
	}
}

// attempt sends r once. Last receives the answer as soon as it is complete, so that errors can cite it.
func (c *Client) attempt(ctx context.Context, u *upstream, r Request, target *url.URL, old *entry, last *Response) (Response, error) {
	attemptCtx, cancel := context.WithTimeout(ctx, u.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(attemptCtx, http.MethodGet, target.String(), nil)
	if err != nil {
		return Response{}, errors.New("the address is not a URL") // the error's own text holds the address with its secrets
	}
	c.setHeaders(request, u, r, old)
	answer, err := c.http.Do(request)
	if err != nil {
		return Response{}, c.broken(ctx, u, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, u.MaxBytes+1))
	if err != nil {
		return Response{}, c.broken(ctx, u, fmt.Errorf("read body after %d bytes: %w", len(body), err))
	}
	if int64(len(body)) > u.MaxBytes {
		return Response{}, fmt.Errorf("the body is larger than %d bytes", u.MaxBytes)
	}
	if answer.StatusCode == http.StatusNotModified && old != nil {
		response := old.response()
		response.FetchedAt = c.config.Now().UTC()
		return response, nil
	}
	*last = Response{Status: answer.StatusCode, Header: answer.Header, Body: body, URL: u.redact(target), FetchedAt: c.config.Now().UTC()}
	return *last, c.judge(r, *last)
}

func (c *Client) setHeaders(request *http.Request, u *upstream, r Request, old *entry) {
	request.Header.Set("User-Agent", c.config.UserAgent)
	for _, headers := range []http.Header{u.Header, r.Header} {
		for name, values := range headers {
			request.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if old != nil && old.ETag != "" {
		request.Header.Set("If-None-Match", old.ETag)
	}
}

// judge decides on a complete answer: first the source's own view of it, then its status.
func (c *Client) judge(r Request, response Response) error {
	if r.Classify != nil {
		if err := r.Classify(response); err != nil {
			return withRetryAfter(err, response.Header, c.config.Now())
		}
	}
	switch status := response.Status; {
	case status >= 200 && status <= 299:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return withRetryAfter(Transient(errors.New("the upstream is busy or broken"), 0), response.Header, c.config.Now())
	}
	return errors.New("the upstream refused the request")
}

// withRetryAfter gives a transient error the wait that the Retry-After header asks for,
// unless the source knew a longer one.
func withRetryAfter(err error, header http.Header, now time.Time) error {
	var mark *transientError
	if !errors.As(err, &mark) {
		return err
	}
	var asked time.Duration
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, parseErr := strconv.ParseUint(value, 10, 31); parseErr == nil {
		asked = time.Duration(seconds) * time.Second
	} else if at, parseErr := http.ParseTime(value); parseErr == nil {
		asked = at.Sub(now)
	}
	if asked <= mark.after {
		return err
	}
	return Transient(err, asked)
}

// broken turns a failure of the network into a transient error without the address
// that http.Client writes into it. A ctx that ended is not the upstream's fault.
func (c *Client) broken(ctx context.Context, u *upstream, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *GuardError
	if errors.As(err, &refused) {
		return refused
	}
	var withAddress *url.Error
	if errors.As(err, &withAddress) {
		err = withAddress.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no complete answer within %s: %w", u.Timeout, err)
	}
	return Transient(err, 0)
}
