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

// Set is many series cut into a training and a test part. Train[i] and Test[i] belong
// to IDs[i]; every test part has Horizon values.
type Set struct {
	IDs         []string
	Train, Test [][]float64
	// Season is the season length of the measures: MASE's scale and Naive2 use it.
	Season int
	// Horizon is the number of values to forecast.
	Horizon int
}

// ReadSet reads a set from its two CSV streams, one row for each series: an id, then
// its values in time order. Fields may be quoted; a first row that begins with V1 is a
// header; empty fields at the end of a row are padding; NA is a missing value. Both
// streams must hold the same ids in the same order, and every test row horizon values.
func ReadSet(train, test io.Reader, season, horizon int) (Set, error) {
	set := Set{Season: season, Horizon: horizon}
	var err error
	if set.IDs, set.Train, err = readRows(train); err != nil {
		return Set{}, fmt.Errorf("read training rows: %w", err)
	}
	ids, rows, err := readRows(test)
	if err != nil {
		return Set{}, fmt.Errorf("read test rows: %w", err)
	}
	if len(ids) != len(set.IDs) {
		return Set{}, fmt.Errorf("read set: %d training rows, %d test rows", len(set.IDs), len(ids))
	}
	for i, id := range ids {
		if id != set.IDs[i] {
			return Set{}, fmt.Errorf("read set: row %d is series %q in training, %q in test", i+1, set.IDs[i], id)
		}
		if len(rows[i]) != horizon {
			return Set{}, fmt.Errorf("read set: test row of %q has %d values, want %d", id, len(rows[i]), horizon)
		}
	}
	set.Test = rows
	return set, nil
}

// readRows splits lines of plain numbers; the rows have no quoted commas, and real
// rows are longer than encoding/csv would want to keep as strings.
func readRows(r io.Reader) (ids []string, rows [][]float64, err error) {
	reader := bufio.NewReaderSize(r, 1<<16)
	for line := 1; ; line++ {
		text, readErr := reader.ReadString('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return nil, nil, fmt.Errorf("line %d: %w", line, readErr)
		}
		text = strings.TrimRight(text, "\r\n,")
		id, rest, _ := strings.Cut(text, ",")
		id = strings.Trim(id, `"`)
		if id != "" && !(line == 1 && id == "V1") {
			values, err := parseValues(rest)
			if err != nil {
				return nil, nil, fmt.Errorf("line %d: %w", line, err)
			}
			ids, rows = append(ids, id), append(rows, values)
		}
		if readErr != nil {
			return ids, rows, nil
		}
	}
}

func parseValues(text string) ([]float64, error) {
	text = strings.TrimRight(strings.ReplaceAll(text, `"`, ""), ",")
	if text == "" {
		return nil, nil
	}
	values := make([]float64, 0, 1+strings.Count(text, ","))
	for field := range strings.SplitSeq(text, ",") {
		if field == "NA" {
			values = append(values, math.NaN())
			continue
		}
		v, err := strconv.ParseFloat(field, 64)
		if err != nil || math.IsInf(v, 0) {
			return nil, fmt.Errorf("value %d: %q is not a number", len(values)+1, field)
		}
		values = append(values, v)
	}
	return values, nil
}
