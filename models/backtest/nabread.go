package backtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"
)

// nabLayouts are the ways in which the benchmark's files write an instant.
func nabLayouts() []string {
	return []string{"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999", "2006-01-02 15:04", time.DateOnly}
}

func parseNABTime(text string) (time.Time, error) {
	for _, layout := range nabLayouts() {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not an instant like 2014-04-01 00:05:00", text)
}

// ReadNAB reads one file of the benchmark: CSV with the header timestamp,value, rows in time order. An empty value, and one that
// says NaN or NA, is missing. The order of rows is kept, also where an instant repeats or a clock was set back.
func ReadNAB(r io.Reader, name string) (NABFile, error) {
	file := NABFile{Name: name}
	reader := bufio.NewReader(r)
	for line := 1; ; line++ {
		text, readErr := reader.ReadString('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return NABFile{}, fmt.Errorf("read NAB file %s: line %d: %w", name, line, readErr)
		}
		text = strings.TrimRight(text, "\r\n")
		switch {
		case line == 1:
			if text = strings.TrimPrefix(text, "\ufeff"); text != "timestamp,value" {
				return NABFile{}, fmt.Errorf("read NAB file %s: header is %q, want timestamp,value", name, text)
			}
		case text != "":
			if err := file.add(text); err != nil {
				return NABFile{}, fmt.Errorf("read NAB file %s: line %d: %w", name, line, err)
			}
		}
		if readErr != nil {
			return file, nil
		}
	}
}

// add appends the row of a line.
func (f *NABFile) add(line string) error {
	before, after, ok := strings.Cut(line, ",")
	if !ok {
		return fmt.Errorf("%q has no value", line)
	}
	at, err := parseNABTime(before)
	if err != nil {
		return err
	}
	value := math.NaN()
	if after != "" && after != "NA" {
		if value, err = strconv.ParseFloat(after, 64); err != nil || math.IsInf(value, 0) {
			return fmt.Errorf("value %q is not a number", after)
		}
	}
	f.At, f.Values = append(f.At, at.Unix()), append(f.Values, value)
	return nil
}

// ReadNABWindows reads the benchmark's windows: a JSON object from file name to a list of [start, end] pairs, both included.
// Windows come back in time order.
func ReadNABWindows(r io.Reader) (map[string][][2]time.Time, error) {
	var raw map[string][][]string
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return nil, fmt.Errorf("read NAB windows: %w", err)
	}
	out := make(map[string][][2]time.Time, len(raw))
	for name, pairs := range raw {
		out[name] = nil
		for _, pair := range pairs {
			if len(pair) != 2 {
				return nil, fmt.Errorf("read NAB windows: %s: a window has %d instants, want start and end", name, len(pair))
			}
			start, err := parseNABTime(pair[0])
			end, err2 := parseNABTime(pair[1])
			if err = errors.Join(err, err2); err != nil {
				return nil, fmt.Errorf("read NAB windows: %s: %w", name, err)
			}
			if end.Before(start) {
				return nil, fmt.Errorf("read NAB windows: %s: window %s ends before it begins", name, pair[0])
			}
			out[name] = append(out[name], [2]time.Time{start, end})
		}
		sort.Slice(out[name], func(a, b int) bool { return out[name][a][0].Before(out[name][b][0]) })
	}
	return out, nil
}

// SetWindows turns windows in time into windows in rows: from the first row not before the start to the last row not after the
// end. A window without a row is an error, as is one that overlaps another.
func (f *NABFile) SetWindows(windows [][2]time.Time) error {
	f.Windows = nil
	for _, w := range windows {
		first, last := 0, len(f.At)-1
		for first < len(f.At) && f.At[first] < w[0].Unix() {
			first++
		}
		for last >= 0 && f.At[last] > w[1].Unix() {
			last--
		}
		if last < first {
			return fmt.Errorf("NAB file %s: no row between %s and %s", f.Name, w[0].Format(time.DateTime), w[1].Format(time.DateTime))
		}
		f.Windows = append(f.Windows, NABWindow{first, last})
	}
	return f.Validate()
}
