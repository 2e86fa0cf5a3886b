package kpi_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// FuzzRead wants every non-blank line of any file to become one point or one reject, and
// a good line put at the end of it to land whatever stands before it.
func FuzzRead(f *testing.F) {
	for _, body := range []string{
		"2024-01-01,1\n", "\"2024-01-01\",\"1\"\n", "2024-01-01,\"1\n2024-01-02,2\"\n", "\"\"\"\n", ",\n", "\r\n\r", "2024-04-07 02:30,1\n2024-04-07 02:30,2\n",
		"2024-01-01;1", "\x00\xff\xfe\n", "2024-01-01,1e308\n2024-01-01,1e309", strings.Repeat("\"", 70_000), "0001-01-01,1", "2199-12-31T23:59:59.999999999,1",
	} {
		f.Add([]byte(body))
	}
	spec := kpi.Spec{Delimiter: ",", Time: []string{"t"}, Zone: "Australia/Sydney", Value: "v", KPIs: []kpi.Series{{KPIID: "k"}}}
	f.Fuzz(func(t *testing.T, body []byte) {
		text := bytes.Join([][]byte{[]byte("t,v\n"), body, []byte("\n1999-09-09 09:09:09.090909,42\n")}, nil)
		open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
		source := newSource(t, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Open: open, Spec: spec}}})
		sent, landed, found := 0, 0, bytes.Contains(body, []byte("1999"))
		for line := range bytes.SplitSeq(text[4:], []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 {
				sent++
			}
		}
		err := source.Read(t.Context(), pipelines.Input{AsOf: asOf}, func(b pipelines.Batch) error {
			landed += len(b.KPIPoints) + len(b.Rejects)
			for _, p := range b.KPIPoints {
				found = found || p.Value == 42 && p.At.Year() == 1999
				if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || p.At.Nanosecond()%1000 != 0 {
					t.Errorf("point %+v is not sound", p)
				}
			}
			return nil
		})
		if err != nil || landed != sent || !found {
			t.Errorf("%d lines sent, %d landed or refused, last line found %t, error %v", sent, landed, found, err)
		}
	})
}
