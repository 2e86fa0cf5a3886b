package kpi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

var asOf = time.Date(2024, 6, 1, 2, 0, 0, 0, time.UTC)

// daily is a spec for one KPI with ISO dates.
func daily() kpi.Spec {
	return kpi.Spec{Time: []string{"day"}, Value: "sales", KPIs: []kpi.Series{{KPIID: "sales"}}}
}

func from(text string) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func newSource(t testing.TB, c kpi.Config) *kpi.Source {
	t.Helper()
	source, err := kpi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// readAll reads text and returns its points and rejects, each as one line of text, and the error.
func readAll(t *testing.T, spec kpi.Spec, text string) (points, rejects []string, err error) {
	t.Helper()
	source := newSource(t, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Name: "sales.csv", Open: from(text), Spec: spec}}})
	err = source.Read(t.Context(), pipelines.Input{AsOf: asOf}, func(b pipelines.Batch) error {
		if b.RowsIn != len(b.KPIPoints)+len(b.Rejects) {
			t.Errorf("unit %s: %d rows in, %d points, %d rejects", b.Unit, b.RowsIn, len(b.KPIPoints), len(b.Rejects))
		}
		for _, p := range b.KPIPoints {
			points = append(points, fmt.Sprintf("%s %s %v", p.KPIID, p.At.Format("2006-01-02T15:04:05.999Z07:00"), p.Value))
		}
		for _, r := range b.Rejects {
			rejects = append(rejects, fmt.Sprintf("%d: %s: %s", *r.Line, r.Reason, r.Raw))
		}
		return nil
	})
	return points, rejects, err
}

func checkRead(t *testing.T, spec kpi.Spec, text string, wantPoints, wantRejects []string) {
	t.Helper()
	points, rejects, err := readAll(t, spec, text)
	if err != nil {
		t.Errorf("read %q: %v", text, err)
	}
	if !slices.Equal(points, wantPoints) {
		t.Errorf("read %q: points\n %s\nwant\n %s", text, strings.Join(points, "\n "), strings.Join(wantPoints, "\n "))
	}
	if !slices.Equal(rejects, wantRejects) {
		t.Errorf("read %q: rejects\n %s\nwant\n %s", text, strings.Join(rejects, "\n "), strings.Join(wantRejects, "\n "))
	}
}

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New: func(t testing.TB, _ sourcetest.Env) pipelines.Source {
			small := "day,sales\n2024-01-01,1\nbad,2\n2024-01-03,3\n"
			return newSource(t, kpi.Config{Files: []kpi.File{
				{BusinessID: "b", SourceID: "small", Open: from(small), Spec: daily()},
				{BusinessID: "b", SourceID: "large", Open: from("day;sales\n2024-02-01;4\n2024-01-31;3\nx;y\n2024-02-02;5\n2023-12-31;1\n"), Spec: daily()},
			}})
		},
		Input:     pipelines.Input{AsOf: asOf},
		WantUnits: []string{"small", "large"},
		WantRows:  6,
	})
}

func TestEveryBadLineIsQuarantinedAndNoOther(t *testing.T) {
	text := strings.Join([]string{
		"day,note,sales",
		"2024-01-01,ok,1",
		"2024-01-02,\"stray,2", // opens a quote that never closes
		"2024-01-03,\"a \"\"b\"\", c\",3",
		"2024-01-04,a\"b,4",
		"2024-01-05,\"a\"b,5",
		"2024-01-06,6",
		"2024-01-07,x,y,7",
		"", "   ",
		"2024-02-30,x,8",
		"08/01/2024,x,8",
		",x,8",
		"2024-01-09,x,",
		"2024-01-10,x,NaN",
		"2024-01-11,x,-Inf",
		"2024-01-12,x,1e999",
		"2024-01-13,x,0x10",
		"2024-01-14,x,1_000",
		"2024-01-15,x,\"1,000\"",
		"0024-01-16,x,16",
		"2024-01-01,again,1",
		"2024-01-01,again,1.5",
		"2024-01-17,\xff\xfe,17",
		" 2024-01-18 , x , -1.8e1 ",
		"2024-01-19,x,+19\r",
		"2024-01-20,no line end,20",
	}, "\n")
	checkRead(t, daily(), text, []string{
		"sales 2024-01-01T00:00:00Z 1", "sales 2024-01-03T00:00:00Z 3", "sales 2024-01-18T00:00:00Z -18",
		"sales 2024-01-19T00:00:00Z 19", "sales 2024-01-20T00:00:00Z 20",
	}, []string{
		"3: the quote of field 2 is not closed on its line: 2024-01-02,\"stray,2",
		"5: stray quote in field 2: 2024-01-04,a\"b,4",
		"6: text after the closing quote of field 2: 2024-01-05,\"a\"b,5",
		"7: 2 fields, want 3: 2024-01-06,6",
		"8: 4 fields, want 3: 2024-01-07,x,y,7",
		"11: time \"2024-02-30\" has none of the expected forms: 2024-02-30,x,8",
		"12: time \"08/01/2024\" has none of the expected forms: 08/01/2024,x,8",
		"13: the time is empty: ,x,8",
		"14: the value is empty: 2024-01-09,x,",
		"15: value \"NaN\" is not a finite number: 2024-01-10,x,NaN",
		"16: value \"-Inf\" is not a finite number: 2024-01-11,x,-Inf",
		"17: value \"1e999\" is too large: 2024-01-12,x,1e999",
		"18: value \"0x10\" is not a number: 2024-01-13,x,0x10",
		"19: value \"1_000\" is not a number: 2024-01-14,x,1_000",
		"20: value \"1,000\" is not a number: 2024-01-15,x,\"1,000\"",
		"21: time \"0024-01-16\": the year is not between 1900 and 2199: 0024-01-16,x,16",
		"22: repeats an earlier line: same KPI, same time, same value: 2024-01-01,again,1",
		"23: contradicts an earlier line: same KPI, same time, another value: 2024-01-01,again,1.5",
		"24: the line is not UTF-8: 2024-01-17,\uFFFD,17",
	})
}

func TestDialects(t *testing.T) {
	want := []string{"sales 2024-01-01T00:00:00Z 1.5"}
	checkRead(t, daily(), "\xef\xbb\xbfday,sales\r\n2024-01-01,1.5\r\n", want, nil)
	checkRead(t, daily(), "day|sales\n2024-01-01|1.5", want, nil)
	checkRead(t, daily(), "a,b;day;sales\n1,2;2024-01-01;1.5", want, nil)
	checkRead(t, daily(), "\"sales\"\t\"day\"\n\"1.5\"\t\"2024-01-01\"\n", want, nil)
	comma := daily()
	comma.DecimalComma = true
	checkRead(t, comma, "day;sales\n2024-01-01;1,5\n2024-01-02;1.5\n2024-01-03;1,5,0\n", want, []string{
		"3: value \"1.5\" is not a number: 2024-01-02;1.5", "4: value \"1,5,0\" is not a number: 2024-01-03;1,5,0",
	})
	british := daily()
	british.Layouts = []string{"02/01/2006 15:04"}
	british.Time = []string{"date", "hour"}
	checkRead(t, british, "date,hour,sales\n01/02/2024,23:30,1\n", []string{"sales 2024-02-01T23:30:00Z 1"}, nil)
	keyed := daily()
	keyed.Key = []string{"shop", "kind"}
	keyed.KPIs = []kpi.Series{{Key: []string{"A", "x"}, KPIID: "ax", NonNegative: true}, {Key: []string{"B", "x"}, KPIID: "bx"}}
	checkRead(t, keyed, "shop,kind,day,sales\nB,x,2024-01-01,-2\nA,x,2024-01-01,1\nA,y,2024-01-01,3\nA,x,2024-01-02,-4\n",
		[]string{"ax 2024-01-01T00:00:00Z 1", "bx 2024-01-01T00:00:00Z -2"},
		[]string{`4: unknown KPI "A, y": A,y,2024-01-01,3`, "5: value -4 is negative: A,x,2024-01-02,-4"})
}

func TestClockChanges(t *testing.T) {
	check := func(zone, text string, wantPoints, wantRejects []string) {
		t.Helper()
		spec := daily()
		spec.Zone = zone
		checkRead(t, spec, "day,sales\n"+text, wantPoints, wantRejects)
	}
	// Sydney, 7 April 2024: 03:00 AEDT (+11) becomes 02:00 AEST (+10).
	check("Australia/Sydney", "2024-04-07 01:30,1\n2024-04-07 02:30,2\n2024-04-07 02:30,3\n2024-04-07 03:30,4\n", []string{
		"sales 2024-04-06T14:30:00Z 1", "sales 2024-04-06T15:30:00Z 2", "sales 2024-04-06T16:30:00Z 3", "sales 2024-04-06T17:30:00Z 4",
	}, nil)
	// The first of the two is damaged and still took its place; a third is one too many.
	check("Australia/Sydney", "2024-04-07 02:00,x\n2024-04-07 02:00,3\n2024-04-07 02:00,3\n", []string{"sales 2024-04-06T16:00:00Z 3"}, []string{
		`2: value "x" is not a number: 2024-04-07 02:00,x`, "4: repeats an earlier line: same KPI, same time, same value: 2024-04-07 02:00,3",
	})
	// Half an hour on Lord Howe Island: 02:00 +11 becomes 01:30 +10:30.
	check("Australia/Lord_Howe", "2024-04-07 01:45,1\n2024-04-07 01:45,2\n", []string{"sales 2024-04-06T14:45:00Z 1", "sales 2024-04-06T15:15:00Z 2"}, nil)
	// Berlin, 31 March 2024: 02:00 CET becomes 03:00 CEST.
	check("Europe/Berlin", "2024-03-31 01:59:59,1\n2024-03-31 02:00,2\n2024-03-31 02:59:59,3\n2024-03-31 03:00,4\n", []string{
		"sales 2024-03-31T00:59:59Z 1", "sales 2024-03-31T01:00:00Z 4",
	}, []string{
		`3: time "2024-03-31 02:00" never was in Europe/Berlin: clocks went forward over it: 2024-03-31 02:00,2`,
		`4: time "2024-03-31 02:59:59" never was in Europe/Berlin: clocks went forward over it: 2024-03-31 02:59:59,3`,
	})
	// Midnight was skipped in Beirut on 31 March 2024, and came twice in Havana on 5 November 2023; a date means its first instant.
	check("Asia/Beirut", "2024-03-30,1\n2024-03-31,2\n2024-04-01,3\n", []string{
		"sales 2024-03-29T22:00:00Z 1", "sales 2024-03-30T22:00:00Z 2", "sales 2024-03-31T21:00:00Z 3",
	}, nil)
	check("America/Havana", "2023-11-05,1\n2023-11-05,2\n2023-11-06,3\n", []string{"sales 2023-11-05T04:00:00Z 1", "sales 2023-11-06T05:00:00Z 3"},
		[]string{"3: contradicts an earlier line: same KPI, same time, another value: 2023-11-05,2"})
	// Samoa had no 30 December 2011.
	check("Pacific/Apia", "2011-12-29,1\n2011-12-30,2\n2011-12-31,3\n", []string{"sales 2011-12-29T10:00:00Z 1", "sales 2011-12-30T10:00:00Z 3"},
		[]string{`3: time "2011-12-30" never was in Pacific/Apia: clocks went forward over it: 2011-12-30,2`})
	check("Asia/Kolkata", "2024-01-01 00:00,1\n2024-01-01T00:00:00+00:00,2\n", []string{"sales 2023-12-31T18:30:00Z 1", "sales 2024-01-01T00:00:00Z 2"}, nil)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	check := func(want, text string) {
		t.Helper()
		points, rejects, err := readAll(t, daily(), text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "read KPI file sales.csv of source s: ") {
			t.Errorf("read %.40q: %v, want an error with %q that names file and source", text, err, want)
		}
		if len(points)+len(rejects) > 0 {
			t.Errorf("read %.40q: an unreadable file gave %v %v", text, points, rejects)
		}
	}
	check("the file is empty", "")
	check("the header is empty", "\n2024-01-01,1\n")
	check(`column "sales" is not in the header`, "day,turnover\n2024-01-01,1\n")
	check(`column "day" stands twice`, "day,day,sales\n")
	check("not closed on its line", "day,\"sales\n2024-01-01,1\n")
	check("UTF-16", "\xff\xfed\x00a\x00")
	check("not a text file", "PK\x00\x04")
	packed := zip("day,sales\n" + strings.Repeat("2024-01-01,1\n", 1000))
	check("unexpected EOF", packed[:len(packed)/2])
	check("unpack gzip", packed[:5])
}

func zip(text string) string {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	writer.Write([]byte(text))
	writer.Close()
	return packed.String()
}

func TestLimits(t *testing.T) {
	check := func(want string, c kpi.Config, text string) {
		t.Helper()
		c.Files = []kpi.File{{BusinessID: "b", SourceID: "s", Name: "f", Open: from(text), Spec: daily()}}
		err := newSource(t, c).Read(t.Context(), pipelines.Input{AsOf: asOf}, func(pipelines.Batch) error {
			t.Errorf("a file beyond the limits was handed out; want %q", want)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	bomb := zip("day,sales\n" + strings.Repeat("2024-01-01,1\n", 200_000))
	check("larger than allowed", kpi.Config{MaxBytes: 1 << 20}, bomb)
	check("more than 2 points", kpi.Config{MaxPoints: 2}, "day,sales\n2024-01-01,1\n2024-01-02,1\n2024-01-03,1\n")
	check("first reason: 1 fields, want 2", kpi.Config{MaxRejects: 2}, "day,sales\na\nb\nc\n")

	long := "day,sales\n2024-01-01,1\n" + strings.Repeat("x", 300_000) + "\n2024-01-02,2\n"
	points, rejects, err := readAll(t, daily(), long)
	if err != nil || len(points) != 2 || len(rejects) != 1 || !strings.HasPrefix(rejects[0], "3: the line is longer than 65536 bytes: xxx") || len(rejects[0]) > 5000 {
		t.Errorf("a line of 300,000 bytes: points %v, %d rejects, error %v; want it refused alone, cut to 4 KiB", points, len(rejects), err)
	}
}

func TestWindowCutsPointsNotRejects(t *testing.T) {
	source := newSource(t, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Open: from("day,sales\n2024-01-01,1\nx,2\n2024-01-02,3\n2024-01-03,4\n"), Spec: daily()}}})
	window := dataset.Window{Start: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), End: time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)}
	err := source.Read(t.Context(), pipelines.Input{AsOf: asOf, Window: window}, func(b pipelines.Batch) error {
		if b.RowsIn != 2 || len(b.KPIPoints) != 1 || b.KPIPoints[0].Value != 3 || len(b.Rejects) != 1 || *b.Rejects[0].BusinessID != "b" {
			t.Errorf("batch %+v, want the point of 2 January and the reject", b)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSpecNamesTheFault(t *testing.T) {
	check := func(want string, change func(*kpi.Spec)) {
		t.Helper()
		spec := daily()
		change(&spec)
		if err := spec.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate: %v, want %q", err, want)
		}
	}
	check("delimiter", func(s *kpi.Spec) { s.Delimiter = "::" })
	check("time and value", func(s *kpi.Spec) { s.Time = nil })
	check("IANA", func(s *kpi.Spec) { s.Zone = "Mars/Olympus" })
	check("IANA", func(s *kpi.Spec) { s.Zone = "Local" })
	check("year, month and day", func(s *kpi.Spec) { s.Layouts = []string{"15:04"} })
	check("letters", func(s *kpi.Spec) { s.Layouts = []string{"2006-01-02 MST"} })
	check("no KPIs", func(s *kpi.Spec) { s.KPIs = nil })
	check("key texts", func(s *kpi.Spec) { s.Key = []string{"shop"} })
	check("stands twice", func(s *kpi.Spec) { s.KPIs = append(s.KPIs, s.KPIs[0]) })
	if _, err := kpi.ParseSpec([]byte(`{"time":["day"],"value":"v","kpis":[{"kpi_id":"a"}],"colour":1}`)); err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("ParseSpec with an unknown member: %v, want an error that names it", err)
	}
}

func TestPointsAfterTheAsOfInstantAreRefused(t *testing.T) {
	day := asOf.AddDate(0, 0, 1).Format(time.DateOnly)
	checkRead(t, daily(), "day,sales\n2024-01-01,1\n"+day+",2\n", []string{"sales 2024-01-01T00:00:00Z 1"},
		[]string{"3: the time lies after the instant that the run is as of: " + day + ",2"})
}
