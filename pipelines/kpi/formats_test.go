package kpi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// readFile reads the bytes as a file, and returns points and rejects as lines of text.
func readFile(t *testing.T, spec kpi.Spec, content []byte) (points, rejects []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(context.Context) (io.ReadCloser, error) { return os.Open(path) }
	source := newSource(t, kpi.Config{Files: []kpi.File{{BusinessID: "b", SourceID: "s", Name: "file", Open: open, Spec: spec}}})
	err = source.Read(t.Context(), pipelines.Input{AsOf: asOf}, func(b pipelines.Batch) error {
		for _, p := range b.KPIPoints {
			points = append(points, fmt.Sprintf("%s %s %v", p.KPIID, p.At.Format("2006-01-02T15:04:05"), p.Value))
		}
		for _, r := range b.Rejects {
			rejects = append(rejects, fmt.Sprintf("%d: %s", *r.Line, r.Reason))
		}
		return nil
	})
	return points, rejects, err
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n %s\nwant\n %s", what, strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

func TestWideFiles(t *testing.T) {
	spec := kpi.Spec{Time: []string{"day"}, KPIs: []kpi.Series{{KPIID: "a", Column: "A"}, {KPIID: "b", Column: "B", NonNegative: true}, {Column: "C", Skip: true}}}
	checkRead(t, spec, "day,A,B,C\n2024-01-01,1,2,x\n2024-01-02,,4,\n2024-01-03,5,-6,7\n2024-01-04,x,y,\n2024-01-05,,,\nbad,1,2,3\n",
		[]string{"a 2024-01-01T00:00:00Z 1", "a 2024-01-03T00:00:00Z 5", "b 2024-01-01T00:00:00Z 2", "b 2024-01-02T00:00:00Z 4"}, []string{
			`4: column "B": value -6 is negative: 2024-01-03,5,-6,7`,
			`5: column "A": value "x" is not a number: 2024-01-04,x,y,`, `5: column "B": value "y" is not a number: 2024-01-04,x,y,`,
			"6: the row holds no value: 2024-01-05,,,", `7: time "bad" has none of the expected forms: bad,1,2,3`,
		})
	keyed := kpi.Spec{Time: []string{"day"}, Key: []string{"shop"}, SkipOthers: true, KPIs: []kpi.Series{{Key: []string{"X"}, KPIID: "xa", Column: "A"}, {Key: []string{"X"}, KPIID: "xb", Column: "B"}}}
	checkRead(t, keyed, "shop;day;A;B\nX;2024-01-01;1;2\nY;2024-01-01;3;4\n", []string{"xa 2024-01-01T00:00:00Z 1", "xb 2024-01-01T00:00:00Z 2"}, nil)
}

func TestMarksOfThousands(t *testing.T) {
	check := func(text string, comma bool, thousands string, want float64, ok bool) {
		t.Helper()
		if got, good := kpi.Number(text, comma, thousands); good != ok || good && got != want {
			t.Errorf("Number(%q, %t, %q) = %v, %t, want %v, %t", text, comma, thousands, got, good, want, ok)
		}
	}
	check("1,234,567.5", false, ",", 1234567.5, true)
	check("-1.234,5", true, ".", -1234.5, true)
	check("12,34,567", false, ",", 1234567, true)
	check("1\u202f234", false, " ", 1234, true)
	check("1'234.5", false, "'", 1234.5, true)
	check("1234.5", false, ",", 1234.5, true)
	check("1,23", false, ",", 0, false)
	check("1234,567", false, ",", 0, false)
	check("0,123", false, ",", 0, false)
	check(",123", false, ",", 0, false)
	check("1,234,", false, ",", 0, false)
	check("1.5,000", false, ",", 0, false)
	check("1,234", false, "", 0, false)
}

func TestSpecialTimes(t *testing.T) {
	spec := daily()
	for layout, text := range map[string]string{kpi.LayoutUnix: "1704067200", kpi.LayoutUnixMilli: "1704067200000", kpi.LayoutExcel: "45292", kpi.LayoutExcel1904: "43830", "2006-01": "2024-01"} {
		spec.Layouts = []string{layout}
		checkRead(t, spec, "day,sales\n"+text+",1\nx,2\n", []string{"sales 2024-01-01T00:00:00Z 1"}, []string{`3: time "x" has none of the expected forms: x,2`})
	}
}

// TestWorkbook reads what another library wrote: dates in both systems, formulas, shared and inline texts, merged and hidden cells.
func TestWorkbook(t *testing.T) {
	for _, from1904 := range []bool{false, true} {
		book := excelize.NewFile()
		if err := book.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &from1904}); err != nil {
			t.Fatal(err)
		}
		style, err := book.NewStyle(&excelize.Style{NumFmt: 14})
		if err != nil {
			t.Fatal(err)
		}
		set := func(cell string, value any) {
			if err := book.SetCellValue("Sheet1", cell, value); err != nil {
				t.Fatal(err)
			}
		}
		set("A1", "Report")
		for i, name := range []string{"day", "sales", "rate"} {
			set(string(rune('A'+i))+"3", name)
		}
		serial := 45292.0 // 1 January 2024
		if from1904 {
			serial -= 1462
		}
		for i := range 4 {
			cell := fmt.Sprintf("A%d", 4+i)
			set(cell, serial+float64(i))
			if err := book.SetCellStyle("Sheet1", cell, cell, style); err != nil {
				t.Fatal(err)
			}
		}
		set("B4", 1.5)
		set("B5", "text")
		set("B6", true)
		set("C4", "2,5")
		set("C7", 3)
		set("A9", "2024-01-09")
		set("B9", 9)
		content, err := book.WriteToBuffer()
		if err != nil {
			t.Fatal(err)
		}
		spec := kpi.Spec{Format: kpi.Excel, Header: 3, Time: []string{"day"}, DecimalComma: true,
			KPIs: []kpi.Series{{KPIID: "s", Column: "sales"}, {KPIID: "r", Column: "rate"}}}
		points, rejects, err := readFile(t, spec, content.Bytes())
		if err != nil {
			t.Fatalf("1904 %t: %v", from1904, err)
		}
		same(t, "points", points, []string{"s 2024-01-01T00:00:00 1.5", "s 2024-01-09T00:00:00 9", "r 2024-01-01T00:00:00 2.5", "r 2024-01-04T00:00:00 3"})
		same(t, "rejects", rejects, []string{`5: column "sales": value "text" is not a number`, `6: column "sales": value "true" is not a number`})
	}
}

func TestParquetTypes(t *testing.T) {
	type row struct {
		Day     int32   `parquet:"day,date"`
		Price   int64   `parquet:"price,decimal(2:18)"`
		Count   int32   `parquet:"count"`
		Rate    float32 `parquet:"rate"`
		Shop    string  `parquet:"shop,dict,zstd"`
		Missing *int64  `parquet:"missing,optional"`
		Nested  struct {
			A int64 `parquet:"a"`
		} `parquet:"nested"`
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[row](&out)
	if _, err := w.Write([]row{{Day: 19723, Price: -1234, Count: 7, Rate: 0.5, Shop: "x"}, {Day: 19724, Price: 5, Count: 8, Rate: 1.5, Shop: "x"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	spec := kpi.Spec{Format: kpi.Parquet, Time: []string{"day"}, Key: []string{"shop"}, KPIs: []kpi.Series{
		{Key: []string{"x"}, KPIID: "p", Column: "price"}, {Key: []string{"x"}, KPIID: "c", Column: "count"}, {Key: []string{"x"}, KPIID: "r", Column: "rate"}, {Key: []string{"x"}, KPIID: "m", Column: "missing"}}}
	points, rejects, err := readFile(t, spec, out.Bytes())
	if err != nil || len(rejects) > 0 {
		t.Fatalf("%v, %v", rejects, err)
	}
	same(t, "points", points, []string{"p 2024-01-01T00:00:00 -12.34", "p 2024-01-02T00:00:00 0.05", "c 2024-01-01T00:00:00 7", "c 2024-01-02T00:00:00 8", "r 2024-01-01T00:00:00 0.5", "r 2024-01-02T00:00:00 1.5"})
	spec.KPIs = []kpi.Series{{Key: []string{"x"}, KPIID: "n", Column: "nested"}}
	if _, _, err := readFile(t, spec, out.Bytes()); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("a nested column: %v, want it refused by name", err)
	}
}

// FuzzFormats wants no crafted file to do more than give an error, values and refusals.
func FuzzFormats(f *testing.F) {
	var sheetBytes, parquetBytes bytes.Buffer
	book := excelize.NewFile()
	for cell, value := range map[string]any{"A1": "t", "B1": "v", "A2": "2024-01-01", "B2": 1} {
		if err := book.SetCellValue("Sheet1", cell, value); err != nil {
			f.Fatal(err)
		}
	}
	if err := book.Write(&sheetBytes); err != nil {
		f.Fatal(err)
	}
	type row struct {
		T string  `parquet:"t"`
		V float64 `parquet:"v"`
	}
	if err := parquet.Write(&parquetBytes, []row{{"2024-01-01", 1}, {"2024-01-02", 2}}); err != nil {
		f.Fatal(err)
	}
	f.Add(kpi.Excel, sheetBytes.Bytes())
	f.Add(kpi.Parquet, parquetBytes.Bytes())
	f.Add(kpi.JSONLines, []byte(`{"t":"2024-01-01","v":1}`+"\n{\"t\":[],\"v\":{}}\n"))
	f.Fuzz(func(t *testing.T, format string, content []byte) {
		spec := kpi.Spec{Format: format, Time: []string{"t"}, Value: "v", KPIs: []kpi.Series{{KPIID: "k"}}}
		if spec.Validate() != nil {
			return
		}
		points, _, err := readFile(t, spec, content)
		if err != nil && len(points) > 0 {
			t.Errorf("%d points of a file that cannot be read: %v", len(points), err)
		}
	})
}
