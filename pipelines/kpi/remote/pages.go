package remote

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ohler55/ojg/jp"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// pages reads an HTTP source page by page.
func (r *Reader) pages(ctx context.Context, q Request, source HTTP, table kpi.Table, result *Result) iter.Seq2[kpi.Record, error] {
	return func(yield func(kpi.Record, error) bool) {
		a, done := r.ask(q, source)
		defer done()
		w := &walk{asking: a, table: table, result: result, address: source.URL, seen: map[string]bool{}}
		if err := w.prepare(); err != nil {
			yield(kpi.Record{}, err)
			return
		}
		for more := true; more; {
			var err error
			more, err = w.step(ctx, yield)
			if err != nil {
				yield(kpi.Record{}, err)
				return
			}
		}
	}
}

// walk is the state of going from page to page.
type walk struct {
	*asking
	table  kpi.Table
	result *Result

	columns          []getter
	rowsPath, toNext jp.Expr

	address, extra string          // of the next page
	seen           map[string]bool // cursors, addresses and digests that came already
	lines          int64           // of the pages before
	ended          bool            // the receiver wants no more
}

// prepare compiles the paths, which Check has seen.
func (w *walk) prepare() (err error) {
	if w.source.Format == "json" {
		for _, column := range w.table.Columns() {
			g, err := newGetter(column)
			if err != nil {
				return err
			}
			w.columns = append(w.columns, g)
		}
	}
	if w.source.Rows != "" {
		if w.rowsPath, err = compile(w.source.Rows); err != nil {
			return err
		}
	}
	p := w.source.Paging
	if p == nil {
		return nil
	}
	if p.Path != "" {
		if w.toNext, err = compile(p.Path); err != nil {
			return err
		}
	}
	if p.Kind == "page" {
		w.extra = w.parameter(strconv.Itoa(p.First))
	}
	return nil
}

func (w *walk) parameter(value string) string {
	return url.QueryEscape(w.source.Paging.Parameter) + "=" + url.QueryEscape(value)
}

// step reads one page, hands out its records and reports whether there is another.
func (w *walk) step(ctx context.Context, yield func(kpi.Record, error) bool) (more bool, err error) {
	response, err := w.page(ctx, w.address, w.extra)
	if err != nil {
		return false, err
	}
	defer response.Body.Close() // only read
	w.result.Pages++
	if response.StatusCode == http.StatusNotModified {
		w.result.Unchanged, w.result.Validator = true, w.q.Validator
		return false, nil
	}
	if w.source.Paging == nil {
		w.result.Validator = validator(response.Header.Get("ETag"))
	}
	var document any
	var count int
	if w.source.Format == "json" {
		document, count, err = w.json(response, yield)
	} else {
		count, err = w.csv(response, yield)
	}
	if err != nil || w.ended || w.source.Paging == nil {
		return false, err
	}
	more, err = w.next(document, count, response)
	if !more || err != nil {
		return false, err
	}
	return w.within(), nil
}

// within reports whether another page may be asked for, and notes when it may not.
func (w *walk) within() bool {
	most := w.source.Paging.MaxPages
	if most == 0 {
		most = defaultPages
	}
	if w.q.Sample {
		return w.result.Pages < min(2, most)
	}
	if w.result.Pages >= most {
		w.result.Note = "read " + strconv.Itoa(most) + " pages; the source has more: raise max_pages or narrow it down"
		return false
	}
	return true
}

func (w *walk) json(response *http.Response, yield func(kpi.Record, error) bool) (document any, count int, err error) {
	body, err := w.whole(response)
	if err != nil {
		return nil, 0, err
	}
	if w.again(string(body)) {
		return nil, 0, nil
	}
	if document, err = decode(body); err != nil {
		return nil, 0, err
	}
	rows, found := rowsAt(document, w.rowsPath)
	if !found && w.result.Pages == 1 {
		if w.rowsPath == nil {
			return nil, 0, problem("the answer is not a list: say with rows where the rows are")
		}
		return nil, 0, problem("nothing is at " + w.source.Rows + " in the answer")
	}
	for record := range jsonRows(rows, w.columns, w.lines) {
		at := int(record.Line-w.lines) - 1
		w.result.keep(w.q.Sample, members(rows[at]), func() []string { return memberTexts(rows[at]) })
		if !yield(record, nil) {
			w.ended = true
			return document, len(rows), nil
		}
	}
	w.lines += int64(len(rows))
	return document, len(rows), nil
}

func (w *walk) csv(response *http.Response, yield func(kpi.Record, error) bool) (count int, err error) {
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return 0, problem("the answer is a web page, not CSV: publish the sheet, or share it with everybody who has the link")
	}
	body := io.Reader(response.Body)
	if w.source.Paging != nil {
		page, err := w.whole(response)
		if err != nil {
			return 0, err
		}
		if w.again(string(page)) {
			return 0, nil
		}
		body = bytes.NewReader(page)
	}
	text := bufio.NewReaderSize(body, 64<<10)
	head, err := text.Peek(64 << 10)
	if err != nil && err != io.EOF {
		return 0, asProblem(err)
	}
	if hint := pageHint(head); hint != "" {
		return 0, problem("the answer is not CSV" + hint)
	}
	names, values := sampleText(head, w.table.Spec.Delimiter, w.q.Sample)
	for _, row := range values {
		w.result.keep(w.q.Sample, names, func() []string { return row })
	}
	before := w.lines
	for record, err := range kpi.TextRecords(text, w.table.Spec.Delimiter, w.table.Columns(), w.reader.config.MaxBytes) {
		if err != nil {
			return count, asProblem(err)
		}
		count++
		record.Line += before
		w.lines = record.Line
		if !yield(record, nil) {
			w.ended = true
			return count, nil
		}
	}
	return count, nil
}

// asProblem makes an Error of what is wrong with a text; what broke while it came is one already.
func asProblem(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{text: printable(err.Error()), err: err}
}

// again reports whether this page came before: services that are asked for a page after the last give the last again, or the first.
func (w *walk) again(content string) bool {
	if w.source.Paging == nil || w.source.Paging.Kind != "page" {
		return false
	}
	digest := sha256.Sum256([]byte(content))
	key := "content " + string(digest[:])
	before := w.seen[key]
	w.seen[key] = true
	return before
}

// next finds the next page and reports whether there is one.
func (w *walk) next(document any, count int, response *http.Response) (bool, error) {
	p := w.source.Paging
	switch p.Kind {
	case "page":
		step := max(p.Step, 1)
		w.extra = w.parameter(strconv.Itoa(p.First + step*w.result.Pages))
		return count > 0, nil
	case "cursor":
		cursor := textAt(document, w.toNext)
		if cursor == "" {
			return false, nil
		}
		w.extra = w.parameter(cursor)
		return true, w.fresh("cursor "+cursor, "the source gives the same cursor again and again")
	}
	text := linkNext(response.Header.Values("Link"))
	if w.toNext != nil {
		text = textAt(document, w.toNext)
	}
	if text == "" {
		return false, nil
	}
	return true, w.follow(text, response.Request.URL)
}

// follow takes the next page's address, which must be at the same place as the first.
func (w *walk) follow(text string, from *url.URL) error {
	reference, err := url.Parse(text)
	if err != nil {
		return problem("the address of the next page is not a URL")
	}
	first, err := url.Parse(w.source.URL)
	if err != nil {
		return problem("the address is not a URL")
	}
	next := from.ResolveReference(reference)
	if next.Scheme != first.Scheme || !strings.EqualFold(next.Host, first.Host) || next.User != nil {
		return problem("the next page is at another host")
	}
	next.Fragment, next.RawFragment = "", ""
	query := next.Query()
	for _, name := range w.source.Parameters { // services repeat the query they were asked with
		query.Del(name)
	}
	if len(query) != len(next.Query()) {
		next.RawQuery = query.Encode()
	}
	w.address = next.String()
	return w.fresh("address "+w.address, "the source leads from page to page in a circle")
}

// fresh fails with text when key came before.
func (w *walk) fresh(key, text string) error {
	if w.seen[key] {
		return problem(text)
	}
	w.seen[key] = true
	return nil
}

// textAt returns the text or number that a path leads to, else nothing.
func textAt(document any, path jp.Expr) string {
	if path == nil {
		return ""
	}
	found := path.Get(document)
	if len(found) != 1 {
		return ""
	}
	switch v := found[0].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// linkNext returns the target of rel=next (RFC 8288), else nothing.
func linkNext(values []string) string {
	for _, value := range values {
		for {
			_, rest, ok := strings.Cut(value, "<") // an address may hold commas, so the brackets come first
			target, after, closed := strings.Cut(rest, ">")
			if !ok || !closed {
				break
			}
			parameters, _, _ := strings.Cut(after, ",")
			value = after
			for _, parameter := range strings.Split(parameters, ";") {
				name, relation, _ := strings.Cut(strings.TrimSpace(parameter), "=")
				if strings.EqualFold(name, "rel") && strings.EqualFold(strings.Trim(relation, `"`), "next") {
					return target
				}
			}
		}
	}
	return ""
}

// validator returns an ETag that can be sent back, else nothing.
func validator(tag string) string {
	if len(tag) > 200 || strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return tag
}
