package kpi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
)

// limits bound what one file may cost.
type limits struct {
	bytes       int64 // unpacked
	points      int
	rejects     int
	rejectBytes int
	latest      time.Time // a later point is refused
}

// reading is the state of reading one file.
type reading struct {
	spec   Spec
	limits limits
	header header
	clock  *clock
	split  splitter

	byKey   map[string]*points
	order   []*points
	count   int // points of all KPIs
	rejects []dataset.RejectRow
	kept    int // bytes of raw text in rejects
	keyText []byte
}

// unpack returns r without gzip, when it begins like gzip, and without a byte order mark, cut off with an error after
// limit unpacked bytes.
func unpack(r io.Reader, limit int64) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	plain := &bounded{reader: buffered, left: limit}
	if bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unpack gzip: %w", err)
		}
		plain.reader = unpacked
	}
	text := bufio.NewReaderSize(plain, 64<<10)
	mark, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(mark, []byte("\xef\xbb\xbf")):
		text.Discard(3) // cannot fail, the bytes are in the buffer
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return nil, errors.New("the text is UTF-16, want UTF-8")
	case bytes.IndexByte(mark, 0) >= 0:
		return nil, errors.New("this is not a text file")
	}
	return text, nil
}

// bounded fails once more than left bytes were read.
type bounded struct {
	reader io.Reader
	left   int64
}

// Read reads.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errors.New("the unpacked text is larger than allowed")
	}
	return n, err
}

// read reads all of r.
func read(ctx context.Context, r io.Reader, spec Spec, l limits) (*reading, error) {
	clock, err := newClock(spec)
	if err != nil {
		return nil, err
	}
	f := &reading{spec: spec, limits: l, clock: clock, byKey: map[string]*points{}}
	for _, series := range spec.KPIs {
		p := &points{series: series}
		f.byKey[joinKey(series.Key)] = p
		f.order = append(f.order, p)
	}
	text, err := unpack(r, l.bytes)
	if err != nil {
		return nil, err
	}
	in := newLines(text)
	if err := f.readHeader(in); err != nil {
		return nil, err
	}
	for {
		line, long, err := in.next()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after line %d: %w", in.number, err)
		}
		if in.number%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if reason := f.line(line, long); reason != "" {
			f.reject(in.number, reason, line)
		}
		if f.count > l.points || len(f.rejects) > l.rejects || f.kept > l.rejectBytes {
			return nil, fmt.Errorf("line %d: more than %d points, or more than %d refused lines or %d bytes of them; first reason: %s",
				in.number, l.points, l.rejects, l.rejectBytes, f.firstReason())
		}
	}
}

func (f *reading) readHeader(in *lines) error {
	line, long, err := in.next()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	}
	if err != nil {
		return err
	}
	if long || !utf8.Valid(line) {
		return errors.New("line 1: the header is not a line of UTF-8 text")
	}
	if f.header, err = newHeader(line, f.spec); err != nil {
		return err
	}
	f.split.delimiter = f.header.delimiter
	return nil
}

// line takes in one line and returns the reason when it is refused.
func (f *reading) line(line []byte, long bool) string {
	switch {
	case long:
		return fmt.Sprintf("the line is longer than %d bytes", maxLineBytes)
	case len(bytes.TrimSpace(line)) == 0:
		return ""
	case !utf8.Valid(line):
		return "the line is not UTF-8"
	}
	fields, reason := f.split.split(line)
	if reason != "" {
		return reason
	}
	if len(fields) != f.header.fields {
		return fmt.Sprintf("%d fields, want %d", len(fields), f.header.fields)
	}
	p, reason := f.kpi(fields)
	if reason != "" {
		return reason
	}
	first, second, reason := f.clock.instants(f.timeText(fields))
	if reason != "" {
		return reason
	}
	if !second.IsZero() {
		first = p.choose(first, second) // before the value is looked at: a bad value still took its place
	}
	if first.After(f.limits.latest) {
		return "the time lies after the instant that the run is as of" // without that instant: the quarantine keeps one note, not one of every run
	}
	value, reason := number(bytes.TrimSpace(fields[f.header.value]), f.spec.DecimalComma)
	if reason != "" {
		return reason
	}
	if p.series.NonNegative && value < 0 {
		return fmt.Sprintf("value %v is negative", value)
	}
	switch p.add(first.Truncate(time.Microsecond), value) {
	case repeated:
		return "repeats an earlier line: same KPI, same time, same value"
	case contradicted:
		return "contradicts an earlier line: same KPI, same time, another value"
	}
	f.count++
	return ""
}

// kpi returns the KPI that a line belongs to.
func (f *reading) kpi(fields [][]byte) (*points, string) {
	f.keyText = f.keyText[:0]
	for i, column := range f.header.key {
		if i > 0 {
			f.keyText = append(f.keyText, '\n')
		}
		f.keyText = append(f.keyText, bytes.TrimSpace(fields[column])...)
	}
	p := f.byKey[string(f.keyText)]
	if p == nil {
		return nil, fmt.Sprintf("unknown KPI %q", strings.ReplaceAll(string(f.keyText), "\n", ", "))
	}
	return p, ""
}

func (f *reading) timeText(fields [][]byte) string {
	text := string(bytes.TrimSpace(fields[f.header.time[0]]))
	for _, column := range f.header.time[1:] {
		text += " " + string(bytes.TrimSpace(fields[column]))
	}
	return text
}

func (f *reading) reject(line int64, reason string, raw []byte) {
	row := pipelines.Reject(dataset.KPIPoints(), line, reason, string(raw[:min(len(raw), 2*pipelines.MaxRawBytes)]))
	f.kept += len(row.Raw)
	f.rejects = append(f.rejects, row)
}

func (f *reading) firstReason() string {
	if len(f.rejects) == 0 {
		return "none"
	}
	return f.rejects[0].Reason
}
