package kpi

import (
	"bytes"
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
	glance      *Glance   // nil when the file is to land
}

// reading is the state of reading one file.
type reading struct {
	spec   Spec
	limits limits
	header header
	number int64 // of the row at hand
	marks  marks
	wide   bool
	fields [][]byte // of the row at hand, in typed formats
	kinds  []kind
	clock  *clock
	iso    *clock // of cells that are times by their type
	split  splitter

	byKey   map[string]*group
	order   []*points
	counts  Counts
	rejects []dataset.RejectRow
	pending []string // why single values of the row at hand are refused
	kept    int      // bytes of raw text in rejects
	keyText []byte
	rows    int // of a glance
}

// group is the KPIs of one key, in the order of Spec.values; nil where the key has none.
type group struct{ series []*points }

// newReading prepares to read a file.
func newReading(spec Spec, l limits) (*reading, error) {
	forms := spec.Layouts
	if len(forms) == 0 {
		forms = isoLayouts()
	}
	clock, err := newClock(spec.Zone, forms)
	if err != nil {
		return nil, err
	}
	iso, err := newClock(spec.Zone, isoLayouts())
	if err != nil {
		return nil, err
	}
	f := &reading{spec: spec, limits: l, clock: clock, iso: iso, wide: spec.wide(), byKey: map[string]*group{},
		marks: marks{comma: spec.DecimalComma, thousands: spec.Thousands}}
	columns := map[string]int{}
	for i, column := range spec.values() {
		columns[column] = i
	}
	for _, series := range spec.KPIs {
		p := &points{series: series}
		g := f.byKey[joinKey(series.Key)]
		if g == nil {
			g = &group{series: make([]*points, len(columns))}
			f.byKey[joinKey(series.Key)] = g
		}
		g.series[columns[series.Column]] = p // in a long file the one column is at 0, whatever it is called
		f.order = append(f.order, p)
	}
	return f, nil
}

// read reads all of r.
func read(ctx context.Context, r io.Reader, spec Spec, l limits) (*reading, error) {
	f, err := newReading(spec, l)
	if err != nil {
		return nil, err
	}
	switch spec.Format {
	case Excel:
		err = f.readWorkbook(ctx, r)
	case Parquet:
		err = f.readParquet(ctx, r)
	case JSONLines:
		err = f.readObjects(ctx, r)
	default:
		err = f.readLines(ctx, r)
	}
	return f, err
}

// readLines reads delimited text.
func (f *reading) readLines(ctx context.Context, r io.Reader) error {
	text, err := Text(r, f.spec.Encoding, f.limits.bytes)
	if err != nil {
		return err
	}
	in := newLines(text)
	first, err := f.readHeader(in)
	if err != nil {
		return err
	}
	if first != nil {
		if err := f.take(in.number, f.line(in.number, first, false), first); err != nil {
			return err
		}
	}
	for {
		line, long, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after line %d: %w", in.number, err)
		}
		if in.number%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.take(in.number, f.line(in.number, line, long), line); err != nil {
			return err
		}
	}
}

// take notes what became of one line, of which reason says why it was refused, and returns an error once the file
// costs more than it may.
func (f *reading) take(number int64, reason string, raw []byte) error {
	if reason != "" {
		f.reject(number, reason, raw)
	}
	if len(f.pending) > 0 {
		for _, reason := range f.pending {
			f.reject(number, reason, raw)
		}
		f.pending = f.pending[:0]
	}
	if f.limits.glance != nil {
		return f.glanced()
	}
	if f.counts.Points > f.limits.points || len(f.rejects) > f.limits.rejects || f.kept > f.limits.rejectBytes {
		return fmt.Errorf("line %d: more than %d points, or more than %d refused lines or %d bytes of them; first reason: %s",
			number, f.limits.points, f.limits.rejects, f.limits.rejectBytes, f.firstReason())
	}
	return nil
}

// readHeader reads up to the header. Of a file without one it returns the first line, which is data.
func (f *reading) readHeader(in *lines) ([]byte, error) {
	var line []byte
	for range max(f.spec.Header, 1) {
		var long bool
		var err error
		line, long, err = in.next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		if err != nil {
			return nil, err
		}
		if in.number == int64(max(f.spec.Header, 1)) && (long || !utf8.Valid(line)) {
			return nil, fmt.Errorf("line %d: the header is not a line of UTF-8 text", in.number)
		}
	}
	var err error
	if f.header, err = newHeader(line, f.spec); err != nil {
		return nil, err
	}
	f.split.delimiter = f.header.delimiter
	if f.spec.Header < 0 {
		return line, nil
	}
	return nil, nil
}

// line takes in one line and returns the reason when it is refused.
func (f *reading) line(number int64, line []byte, long bool) string {
	f.number = number
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
	return f.record(fields, nil)
}

func (f *reading) reject(line int64, reason string, raw []byte) {
	row := pipelines.Reject(dataset.KPIPoints(), line, reason, string(raw[:min(len(raw), 2*pipelines.MaxRawBytes)]))
	f.kept += len(row.Raw)
	f.counts.Rejects++
	f.rejects = append(f.rejects, row)
}

func (f *reading) firstReason() string {
	if len(f.rejects) == 0 {
		return "none"
	}
	return strings.ToValidUTF8(f.rejects[0].Reason, "\uFFFD")
}
