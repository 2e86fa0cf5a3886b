package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// exportChunk is how much of a file is gathered before it is sent.
const exportChunk = 64 << 10

// exportWriter sends a file in chunks. Each must be taken within exportStall, all of them while the context lasts: a write that
// the reader does not take is broken off by a deadline that has passed.
type exportWriter struct {
	out     io.Writer
	flush   func() error
	stall   *time.Timer
	chunk   bytes.Buffer
	started bool
}

// newExportWriter returns a writer to w, and what ends its watch; ending it twice does nothing.
func newExportWriter(ctx context.Context, w http.ResponseWriter) (*exportWriter, func(), error) {
	control := http.NewResponseController(w)
	// The server's limit for a whole answer is meant for small ones.
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		return nil, nil, fmt.Errorf("lift deadline: %w", err)
	}
	var mu sync.Mutex
	watching := true
	breakOff := func() {
		mu.Lock()
		defer mu.Unlock()
		if watching {
			_ = control.SetWriteDeadline(time.Unix(1, 0)) // a connection that is gone needs none
		}
	}
	e := &exportWriter{out: w, flush: control.Flush, stall: time.AfterFunc(exportStall, breakOff)}
	e.stall.Stop()
	release := context.AfterFunc(ctx, breakOff)
	return e, func() {
		release()
		e.stall.Stop()
		mu.Lock()
		defer mu.Unlock()
		if watching {
			watching = false
			_ = control.SetWriteDeadline(time.Time{}) // an error answer can still be sent
		}
	}, nil
}

// Write gathers, and sends when there is enough.
func (e *exportWriter) Write(p []byte) (int, error) {
	n, _ := e.chunk.Write(p) // which never fails
	if e.chunk.Len() < exportChunk {
		return n, nil
	}
	return n, e.send()
}

func (e *exportWriter) send() error {
	e.stall.Reset(exportStall)
	defer e.stall.Stop()
	e.started = true
	if _, err := e.chunk.WriteTo(e.out); err != nil {
		return fmt.Errorf("send rows: %w", err)
	}
	if err := e.flush(); err != nil {
		return fmt.Errorf("send rows: %w", err)
	}
	return nil
}

// exportFile writes rows in one format. begin comes first, end last.
type exportFile interface {
	begin(columns []string) error
	row(values []any) error
	end() error
}

func (e *exportWriter) as(format string, from PublishedAnswer, table string) exportFile {
	switch format {
	case "json":
		return &jsonFile{out: e, from: from, table: table, whole: true}
	case "jsonl":
		return &jsonFile{out: e}
	}
	return &csvFile{out: e}
}

// csvFile writes RFC 4180. (encoding/csv drops the carriage returns that are part of a text.)
type csvFile struct {
	out  *exportWriter
	line []byte
}

func (f *csvFile) begin(columns []string) error {
	f.line = append(f.line, strings.Join(columns, ",")...) // our own names need no quotes
	return f.write()
}

func (f *csvFile) row(values []any) error {
	for i, value := range values {
		text, isNumber, err := cellText(value)
		if err != nil {
			return err
		}
		if !isNumber {
			text = inert(text)
		}
		if i > 0 {
			f.line = append(f.line, ',')
		}
		if strings.ContainsAny(text, "\",\r\n") {
			text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		}
		f.line = append(f.line, text...)
	}
	return f.write()
}

func (f *csvFile) write() error {
	f.line = append(f.line, "\r\n"...)
	_, err := f.out.Write(f.line)
	f.line = f.line[:0]
	return err
}

func (f *csvFile) end() error { return f.out.send() }

// inert keeps a spreadsheet from running text as a formula. The apostrophe also goes before a character that a spreadsheet
// drops first, such as a space or a quote before the sign, and before the wide forms of the signs.
func inert(text string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " \"'\u00a0\ufeff"))
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + text
	}
	return text
}

// cellText returns a value as text, and whether it is a number. Null, and what is no finite number, is empty.
func cellText(value any) (text string, isNumber bool, err error) {
	switch v := value.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, false, nil
	case bool:
		return strconv.FormatBool(v), false, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", false, nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true, nil
	case int64:
		return strconv.FormatInt(v, 10), true, nil
	case int32:
		return strconv.FormatInt(int64(v), 10), true, nil
	case [16]byte:
		return uuid.UUID(v).String(), false, nil
	case time.Time:
		return v.UTC().Format(time.RFC3339), false, nil
	}
	return "", false, fmt.Errorf("export: a value of type %T has no text", value)
}

// jsonFile writes one object for each row: on lines of their own, or in a document that says where they come from.
type jsonFile struct {
	out   *exportWriter
	whole bool
	from  PublishedAnswer
	table string
	names [][]byte
	line  []byte
	rows  int64
}

func (f *jsonFile) begin(columns []string) error {
	for _, column := range columns {
		f.names = append(f.names, append(strconv.AppendQuote(nil, column), ':'))
	}
	if !f.whole {
		return nil
	}
	head, err := json.Marshal(struct {
		PublishedAnswer
		Table string `json:"table"`
	}{f.from, f.table})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f.out, "%s,\"rows\":[", bytes.TrimSuffix(head, []byte("}")))
	return err
}

func (f *jsonFile) row(values []any) error {
	f.line = f.line[:0]
	if f.whole && f.rows > 0 {
		f.line = append(f.line, ",\n"...)
	}
	f.rows++
	for i, value := range values {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		f.line = append(append(f.line, separator), f.names[i]...)
		switch v := value.(type) {
		case nil:
			f.line = append(f.line, "null"...)
			continue
		case bool:
			f.line = strconv.AppendBool(f.line, v)
			continue
		}
		text, isNumber, err := cellText(value)
		if err != nil {
			return err
		}
		switch {
		case isNumber:
			f.line = append(f.line, text...)
		case text == "" && isFloat(value):
			f.line = append(f.line, "null"...)
		default:
			if f.line, err = appendText(f.line, text); err != nil {
				return err
			}
		}
	}
	f.line = append(f.line, '}')
	if !f.whole {
		f.line = append(f.line, '\n')
	}
	_, err := f.out.Write(f.line)
	return err
}

func (f *jsonFile) end() error {
	if f.whole {
		if _, err := fmt.Fprintf(f.out, "],\"count\":%d}\n", f.rows); err != nil {
			return err
		}
	}
	return f.out.send()
}

func isFloat(value any) bool {
	_, ok := value.(float64)
	return ok
}

// appendText appends text as a JSON string.
func appendText(line []byte, text string) ([]byte, error) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("write text: %w", err)
	}
	return append(line, quoted...), nil
}
