package backtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Format is how the rows of a set's files are laid out.
type Format string

const (
	// Auto is M4 when the first row is a header, that is begins with V1, and Ragged otherwise.
	Auto Format = "auto"
	// M4 is the competition's: a header row, then an id and its values, quoted or not, padded with empty fields.
	M4 Format = "m4"
	// Ragged is an id and its values, without header and padding.
	Ragged Format = "ragged"
)

// Reader reads a set series by series from its two CSV streams, one row for each series: an id, then its values in
// time order. NA is a missing value. Both streams must hold the same ids in the same order, and every test row
// the horizon's number of values. It holds one row of each at a time.
type Reader struct {
	train, test rows
	horizon     int
}

// NewReader returns a reader of a set. The names of the two streams begin the errors about their rows.
func NewReader(train, test io.Reader, trainName, testName string, format Format, horizon int) *Reader {
	return &Reader{rows{name: trainName, in: bufio.NewReaderSize(train, 1<<16), format: format},
		rows{name: testName, in: bufio.NewReaderSize(test, 1<<16), format: format}, horizon}
}

// Next returns the next series, whose slices are the caller's. The error is io.EOF after the last one; any other
// names the stream and the line.
func (r *Reader) Next() (id string, train, test []float64, err error) {
	id, train, errTrain := r.train.next()
	testID, test, errTest := r.test.next()
	switch {
	case errors.Is(errTrain, io.EOF) && errors.Is(errTest, io.EOF):
		return "", nil, nil, io.EOF
	case errors.Is(errTrain, io.EOF):
		return "", nil, nil, fmt.Errorf("%s: line %d: series %q has no training row in %s", r.test.name, r.test.line, testID, r.train.name)
	case errors.Is(errTest, io.EOF):
		return "", nil, nil, fmt.Errorf("%s: line %d: series %q has no test row in %s", r.train.name, r.train.line, id, r.test.name)
	case errTrain != nil || errTest != nil:
		return "", nil, nil, errors.Join(errTrain, errTest)
	case id != testID:
		return "", nil, nil, fmt.Errorf("%s: line %d: series %q, but line %d of %s is of series %q: both files need the same ids in the same order",
			r.test.name, r.test.line, testID, r.train.line, r.train.name, id)
	case len(test) != r.horizon:
		return "", nil, nil, fmt.Errorf("%s: line %d: series %q has %d values, want the horizon's %d", r.test.name, r.test.line, id, len(test), r.horizon)
	}
	return id, train, test, nil
}

// rows splits lines of plain numbers. Ids hold no commas, and real rows are longer than encoding/csv would want to
// keep as strings.
type rows struct {
	name   string
	in     *bufio.Reader
	format Format
	line   int
	ended  bool
}

// next returns the next row that is not blank, or io.EOF.
func (r *rows) next() (id string, values []float64, err error) {
	for !r.ended {
		text, readErr := r.in.ReadString('\n')
		r.line++
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return "", nil, fmt.Errorf("%s: line %d: %w", r.name, r.line, readErr)
		}
		r.ended = readErr != nil
		text = strings.TrimSuffix(strings.TrimRight(text, "\n"), "\r")
		id, rest, _ := strings.Cut(text, ",")
		id = strings.Trim(strings.TrimSpace(id), `"`)
		if header := r.line == 1 && id == "V1"; header && r.format != Ragged {
			r.format = M4
			continue
		}
		if r.line == 1 && r.format == Auto {
			r.format = Ragged
		}
		if r.line == 1 && r.format == M4 {
			return "", nil, fmt.Errorf("%s: line 1: no header row that begins with V1: a file without one is of format ragged", r.name)
		}
		if id == "" && strings.Trim(rest, `",`) == "" {
			continue
		}
		if id == "" {
			return "", nil, fmt.Errorf("%s: line %d: the row has no id", r.name, r.line)
		}
		if values, err = parseValues(rest, r.format != Ragged); err != nil {
			return "", nil, fmt.Errorf("%s: line %d: series %q: %w", r.name, r.line, id, err)
		}
		return id, values, nil
	}
	return "", nil, io.EOF
}

// parseValues reads the fields of a row; padded drops empty ones at its end.
func parseValues(text string, padded bool) ([]float64, error) {
	text = strings.ReplaceAll(text, `"`, "")
	if padded {
		text = strings.TrimRight(text, ",")
	}
	if text == "" {
		return nil, nil
	}
	values := make([]float64, 0, 1+strings.Count(text, ","))
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		if field == "NA" {
			values = append(values, math.NaN())
			continue
		}
		v, err := strconv.ParseFloat(field, 64)
		switch {
		case field == "":
			return nil, fmt.Errorf("value %d is empty: a missing value is written NA, and padding with empty fields is of format m4", len(values)+1)
		case err != nil || math.IsInf(v, 0) || math.IsNaN(v):
			return nil, fmt.Errorf("value %d: %q is not a finite number: a missing value is written NA", len(values)+1, field)
		}
		values = append(values, v)
	}
	return values, nil
}
