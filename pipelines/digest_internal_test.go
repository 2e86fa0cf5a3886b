// digest is not exported, so its test is inside the package.
package pipelines

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

func TestDigestKnowsEveryFieldButLandedAt(t *testing.T) {
	text, empty, number := "x", "", int64(7)
	base := dataset.PlaceRow{Query: "q", PlaceID: 1, Name: "n", Country: "DE", Admin1: &text, Latitude: 1, Longitude: 2, Population: &number, LandedAt: time.Unix(1, 0)}
	same := base
	same.LandedAt = time.Unix(2, 0)
	again := "x"
	same.Admin1 = &again
	if digest([]dataset.PlaceRow{base}) != digest([]dataset.PlaceRow{same}) {
		t.Error("the digest depends on when a row was read")
	}
	seen := map[string]int{digest([]dataset.PlaceRow{base}): -1}
	for i, change := range []func(*dataset.PlaceRow){
		func(p *dataset.PlaceRow) { p.Query, p.Name = "qn", "" },
		func(p *dataset.PlaceRow) { p.PlaceID = 2 },
		func(p *dataset.PlaceRow) { p.Admin1 = nil },
		func(p *dataset.PlaceRow) { p.Admin1 = &empty },
		func(p *dataset.PlaceRow) { p.Latitude, p.Longitude = 2, 1 },
		func(p *dataset.PlaceRow) { p.Population = nil },
	} {
		row := base
		change(&row)
		d := digest([]dataset.PlaceRow{row})
		if other, found := seen[d]; found {
			t.Errorf("changes %d and %d give the same digest", i, other)
		}
		seen[d] = i
	}
	if digest([]dataset.PlaceRow{base, base}) == digest([]dataset.PlaceRow{base}) {
		t.Error("the digest does not count rows")
	}
}

func TestDigestIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) dataset.KPIPointRow {
			return dataset.KPIPointRow{KPIID: rapid.String().Draw(t, "kpi"), Value: rapid.Float64().Draw(t, "value"), At: time.Unix(rapid.Int64Range(0, 1e9).Draw(t, "at"), 0)}
		}), 0, 8).Draw(t, "rows")
		shuffled := rapid.Permutation(rows).Draw(t, "shuffled")
		if digest(rows) != digest(shuffled) {
			t.Errorf("another order gives another digest: %v", shuffled)
		}
		if len(rows) > 0 {
			changed := slices.Clone(rows)
			changed[0].KPIID += "x"
			if digest(rows) == digest(changed) {
				t.Error("another row gives the same digest")
			}
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	rows := make([]dataset.KPIPointRow, 100_000)
	for i := range rows {
		rows[i] = dataset.KPIPointRow{BusinessID: "0197d2a0-0000-7000-8000-000000000001", KPIID: "0197d2a0-0000-7000-8000-000000000002", SourceID: "s", At: time.Unix(int64(i), 0), Value: float64(i)}
	}
	b.ReportAllocs()
	for b.Loop() {
		digest(rows)
	}
	b.ReportMetric(float64(b.N)*float64(len(rows))/b.Elapsed().Seconds(), "rows/s")
}
