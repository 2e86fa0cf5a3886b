package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// agent is what we call ourselves.
const agent = "SignalCraft/1 (+https://github.com/signalcraft/signalcraft)"

// How often a page is asked for, and how long a server may ask us to wait.
const (
	attempts = 3
	maxWait  = 30 * time.Second
)

// asking is one reading of an HTTP source.
type asking struct {
	reader *Reader
	client *http.Client
	source HTTP
	q      Request
	left   int64 // bytes that may still come
}

// ask starts a reading; its connections are closed by the returned function.
func (r *Reader) ask(q Request, source HTTP) (a *asking, done func()) {
	transport := r.web.Transport()
	return &asking{reader: r, source: source, q: q, left: r.config.MaxBytes,
		client: &http.Client{Transport: transport, CheckRedirect: r.web.Redirect}}, transport.CloseIdleConnections
}

// page asks for one page until it answers; extra is appended to the address's query. The caller closes the body,
// which fails beyond the bytes that may still come.
func (a *asking) page(ctx context.Context, address, extra string) (*http.Response, error) {
	if _, err := a.reader.web.CheckURL(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, problem("the address is not a URL")
	}
	for _, more := range []string{a.parameters(), extra} {
		if more != "" && u.RawQuery != "" {
			more = "&" + more
		}
		u.RawQuery += more
	}
	pause := a.reader.config.Pause
	for attempt := 1; ; attempt++ {
		response, err := a.once(ctx, u.String())
		if err == nil {
			return response, nil
		}
		failed := explain(err)
		if !failed.again || attempt == attempts || a.q.Sample {
			return nil, failed
		}
		wait := pause
		var busy *busyError
		if errors.As(err, &busy) && busy.after > wait {
			wait = busy.after
		}
		if wait > maxWait {
			return nil, failed
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		pause *= 3
	}
}

// parameters are the secret ones, as they stand in a query.
func (a *asking) parameters() string {
	var parts []string
	for _, name := range a.source.Parameters {
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(a.q.Secrets[SecretParameter+name]))
	}
	return strings.Join(parts, "&")
}

// busyError is how long a server that is busy asked to be left alone.
type busyError struct{ after time.Duration }

// Error says that the server is busy.
func (e *busyError) Error() string { return "the server is busy" }

func (a *asking) once(ctx context.Context, address string) (*http.Response, error) {
	method, body := a.source.Method, io.Reader(nil)
	if method == "" {
		method = http.MethodGet
	}
	if a.source.Body != "" {
		body = strings.NewReader(a.source.Body)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, problem("the address is not a URL") // the cause would hold it with its secrets
	}
	a.setHeaders(request)
	response, err := a.client.Do(request)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err // without the address and its secrets
		}
		return nil, explain(err)
	}
	if err := a.judge(response); err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	response.Body = &metered{ReadCloser: response.Body, left: &a.left}
	return response, nil
}

func (a *asking) setHeaders(request *http.Request) {
	request.Header.Set("User-Agent", agent)
	request.Header.Set("Accept", map[string]string{"json": "application/json", "csv": "text/csv, text/plain;q=0.9, */*;q=0.1"}[a.source.Format])
	if a.source.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, name := range a.source.Headers {
		request.Header.Set(name, a.q.Secrets[SecretHeader+name])
	}
	if a.source.Paging == nil && a.q.Validator != "" && !a.q.Sample {
		request.Header.Set("If-None-Match", a.q.Validator)
	}
}

// judge returns why an answer is none.
func (a *asking) judge(response *http.Response) error {
	status := response.StatusCode
	switch {
	case status == http.StatusOK, status == http.StatusNotModified && response.Request.Header.Get("If-None-Match") != "":
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		busy := &busyError{}
		if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 31); err == nil {
			busy.after = time.Duration(seconds) * time.Second
		}
		return &Error{text: fmt.Sprintf("the server answered with status %d", status), err: busy, again: true}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return problem(fmt.Sprintf("the server answered with status %d: it wants other credentials, or the source is not shared", status))
	}
	return problem(fmt.Sprintf("the server answered with status %d", status))
}

// metered fails when more than what is left has been read. All its errors are an *Error.
type metered struct {
	io.ReadCloser
	left *int64
}

// Read reads.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if *m.left -= int64(n); *m.left < 0 {
		return n, problem("the source gives more bytes than one reading may have: narrow it down")
	}
	if err != nil && err != io.EOF {
		err = explain(err)
	}
	return n, err
}

// whole reads a page of JSON.
func (a *asking) whole(response *http.Response) ([]byte, error) {
	most := a.reader.config.MaxPage
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, problem(fmt.Sprintf("a page of JSON is larger than %d bytes: use paging", most))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, problem("the answer is empty")
	}
	return body, nil
}
