package sniff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi/sniff"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

func TestLookAtReal(t *testing.T) {
	folder, ok := shared.Dir(t)
	if !ok {
		return
	}
	files, _ := filepath.Glob(filepath.Join(folder, "data", "kpi", "*.gz"))
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		f, err := sniff.Look(t.Context(), file, sniff.Options{Zone: "America/New_York", AsOf: time.Now()}, sniff.Choices{})
		if err != nil {
			t.Error(err)
			continue
		}
		fmt.Printf("%s %v\n  %s %s %s %q hdr %d time %v forms %v order %s dec %q th %q shape %s value %s key %v rows %d %v kpis %d sample %d\n", filepath.Base(name), time.Since(start), f.Format, f.Compression, f.Encoding, f.Delimiter, f.Header, f.Time, f.Forms, f.DateOrder, f.DecimalMark, f.Thousands, f.Shape, f.Value, f.Key, f.Rows, f.RowsExact, len(f.KPIs), len(f.Sample))
		for i, k := range f.KPIs {
			if i < 16 {
				fmt.Printf("    %+v\n", k)
			}
		}
		for i, r := range f.Sample {
			if i < 2 {
				fmt.Printf("    %+v\n", r)
			}
		}
		for _, q := range f.Ambiguous {
			fmt.Printf("  ? %+v\n", q)
		}
	}
}
