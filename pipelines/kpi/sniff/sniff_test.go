package sniff_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/pipelines/kpi/sniff"
)

// look looks at a text as at a file.
func look(t *testing.T, text string, c sniff.Choices) (*sniff.Finding, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return sniff.Look(t.Context(), file, sniff.Options{Zone: "Europe/Berlin", Currency: "EUR", AsOf: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}, c)
}

// asked returns the fields of the questions, in order.
func asked(f *sniff.Finding) string {
	var fields []string
	for _, q := range f.Ambiguous {
		fields = append(fields, q.Field)
	}
	slices.Sort(fields)
	return strings.Join(fields, " ")
}

func TestWhatIsAmbiguousIsAsked(t *testing.T) {
	check := func(text, want string, c sniff.Choices) {
		t.Helper()
		f, err := look(t, text, c)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		if got := asked(f); got != want {
			t.Errorf("%q: asks %q, want %q: %+v", text, got, want, f.Ambiguous)
		}
	}
	none := sniff.Choices{}
	check("day,sales\n2026-03-04,1\n", "", none)
	check("day,sales\n03/04/2026,1\n04/04/2026,1\n", "date_order", none)
	check("day,sales\n03/04/2026,1\n13/04/2026,1\n", "", none)
	check("day,sales\n03/04/2026,1\n04/13/2026,1\n", "", none)
	check("day,sales\n3.4.2026,1\n", "date_order", none)
	check("day,sales\n4 Mar 2026,1\n", "", none)
	check("day;sales\n2026-03-04;1,234\n", "decimal_mark", none)
	check("day;sales\n2026-03-04;1,234\n2026-03-05;1,5\n", "", none)
	check("day;sales\n2026-03-04;1.234,5\n", "", none)
	check("day;sales\n2026-03-04;1.234\n2026-03-05;0.234\n", "", none)
	check("day;sales\n2026-03-04;1.234\n", "decimal_mark", none)
	check("day;sales\n2026-03-04;1 234,50\n2026-03-05;2 000\n", "", none)
	check("day;caf\xe9\n2026-03-04;1\n", "encoding", none)
	check("when,sales\nx,1\ny,2\n", "time_columns time_forms", none)
	check("ordered date,shipped date,sales\n2026-03-04,2026-03-05,1\n2026-03-05,2026-03-07,2\n", "time_columns", none)
	check("day,sales\n03/04/2026,1\n", "", sniff.Choices{DateOrder: "MDY"})
	check("day;sales\n2026-03-04;1,234\n", "", sniff.Choices{DecimalMark: ","})
	check("time,sales\n2026-03-29 01:00,1\n2026-03-29 02:00,1\n2026-03-29 03:00,1\n", "time_zone", none)
	check("date,sales\n45000,1\n45001,2\n", "time_forms", none)
	check("ts,sales\n1772600000,1\n1772603600,2\n", "", none)
}

func TestWhatIsUnderstood(t *testing.T) {
	f, err := look(t, "Report of the till\n\nTag;Filiale;Umsatz [€]\n31.03.2026;Köln;1.234,50\n31.03.2026;Bonn;950,25\n01.04.2026;Köln;-1,00\n01.04.2026;Bonn;x\n", sniff.Choices{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Header != 3 || f.Delimiter != ";" || f.DateOrder != "DMY" || f.DecimalMark != "," || f.Thousands != "." || f.Shape != sniff.Long ||
		f.Value != "Umsatz [€]" || !slices.Equal(f.Key, []string{"Filiale"}) || len(f.KPIs) != 2 || asked(f) != "" {
		t.Errorf("found %+v", f)
	}
	if k := f.KPIs[1]; k.Name != "Köln" || k.Currency != "EUR" || k.NonNegative || k.Rows != 2 {
		t.Errorf("KPI %+v, want Köln in EUR with two rows", k)
	}
	if len(f.Sample) != 4 || f.Sample[0].Line != 4 || f.Sample[0].Values[0].Value != 1234.5 || !f.Sample[0].Values[0].At.Equal(time.Date(2026, 3, 30, 22, 0, 0, 0, time.UTC)) || len(f.Sample[3].Reasons) != 1 {
		t.Errorf("sample %+v", f.Sample)
	}
	utf16 := "\xff\xfed\x00a\x00y\x00,\x00v\x00\n\x002\x000\x002\x006\x00-\x000\x003\x00-\x000\x001\x00,\x005\x00\n\x00"
	if f, err = look(t, utf16, sniff.Choices{}); err != nil || f.Encoding != kpi.UTF16LE || len(f.Sample) != 1 || f.Sample[0].Values[0].Value != 5 {
		t.Errorf("UTF-16: %+v, %v", f, err)
	}
	if f, err = look(t, `{"at":"2026-03-01T10:00:00Z","shop":"A","sales":12.5}`+"\n"+`{"at":"2026-03-01T10:00:00Z","shop":"B","sales":7}`+"\n", sniff.Choices{}); err != nil ||
		f.Format != kpi.JSONLines || !f.Zoned || len(f.KPIs) != 2 || f.KPIs[0].Grain != "hour" || asked(f) != "" {
		t.Errorf("JSON lines: %+v, %v", f, err)
	}
	if f, err = look(t, "2026-03-01,5\n2026-03-02,6\n", sniff.Choices{}); err != nil || f.Header != -1 || len(f.Sample) != 2 || math.Abs(f.Sample[1].Values[0].Value-6) > 0 {
		t.Errorf("no header: %+v, %v", f, err)
	}
}

func TestPatterns(t *testing.T) {
	for pattern, want := range map[string]string{"DD/MM/YYYY hh:mm": "02/01/2006 15:04", "D MMM YY": "2 Jan 06", "YYYY-MM-DDThh:mm:ssZ": "2006-01-02T15:04:05Z07:00", "M/D/YYYY h:mm AM": "1/2/2006 3:04 PM", "unix": "unix"} {
		if got, err := sniff.Layout(pattern); err != nil || got != want {
			t.Errorf("Layout(%q) = %q, %v, want %q", pattern, got, err, want)
		}
	}
	if _, err := sniff.Layout("DD/QQ"); err == nil {
		t.Error("Layout of an unknown piece: no error")
	}
}

func TestFilesOfOtherKindsAreRefused(t *testing.T) {
	for _, text := range []string{"", "\x00\x01\x02\x00\x00\x00\x00\x00\x00", "one column\n1\n2\n", "\xd0\xcf\x11\xe0rest", "PK\x03\x04rest", "PAR1rest", "\x1f\x8b\x08rest", "a,b\n"} {
		if f, err := look(t, text, sniff.Choices{}); err == nil {
			t.Errorf("%q: found %+v, want an error", text, f)
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, seed := range []string{"day,sales\n2026-03-04,1\n", "{\"a\":1}\n", "PK\x03\x04", "PAR1....PAR1", "\xff\xfea\x00", "a;b\n1;2\n", "\x1f\x8b\x08\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := look(t, string(text), sniff.Choices{})
		if err == nil && len(found.Columns) == 0 {
			t.Errorf("%q: neither columns nor an error", text)
		}
	})
}
