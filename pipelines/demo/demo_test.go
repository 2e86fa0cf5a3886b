package demo_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/pipelines/demo"
)

func TestBusinessesDifferInZoneCurrencyAndCountry(t *testing.T) {
	zones, currencies, ids := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, b := range demo.Businesses() {
		if _, err := time.LoadLocation(b.Row.TimeZone); err != nil {
			t.Error(err)
		}
		zones[b.Row.TimeZone], currencies[b.Row.Currency] = true, true
		for _, k := range b.KPIs {
			for _, id := range []string{k.Row.BusinessID, k.Row.KPIID, k.Row.SourceID} {
				if uuid.Validate(id) != nil {
					t.Errorf("KPI %s: %q is not a UUID", k.Row.Name, id)
				}
			}
			if ids[k.Row.KPIID] {
				t.Errorf("KPI id %s stands twice", k.Row.KPIID)
			}
			ids[k.Row.KPIID] = true
		}
	}
	if len(zones) != 3 || len(currencies) != 3 {
		t.Errorf("got %d zones and %d currencies, want 3 of each", len(zones), len(currencies))
	}
}

func TestFilesRepeatAndGrowByDay(t *testing.T) {
	_, end := demo.History()
	for _, b := range demo.Businesses() {
		first, second := b.CSV("day", end), b.CSV("day", end)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two files of the same days differ", b.Row.Name)
		}
		have := map[string]bool{}
		for line := range strings.Lines(string(b.CSV("day", end))) {
			have[line] = true
		}
		for line := range strings.Lines(string(b.CSV("day", end.AddDate(0, 0, -30)))) {
			if !have[line] {
				t.Errorf("%s: line %q of the shorter file is not in the longer", b.Row.Name, line)
			}
		}
	}
}

func TestShapesOccur(t *testing.T) {
	_, end := demo.History()
	lines := func(business int, grain, kpi string) []string {
		var found []string
		for line := range strings.Lines(string(demo.Businesses()[business].CSV(grain, end))) {
			if strings.Contains(line, ","+kpi+",") {
				found = append(found, strings.TrimSpace(line))
			}
		}
		return found
	}
	if got := len(lines(1, "day", "orders")); got != 1096 {
		t.Errorf("daily KPI has %d points, want three years: 1096", got)
	}
	if got, full := len(lines(0, "day", "pastries_sold")), 1096; got != full-32 {
		t.Errorf("KPI with gaps has %d points, want %d", got, full-32)
	}
	if got := lines(1, "day", "newsletter_signups")[0]; !strings.HasPrefix(got, "2025-09-15,") {
		t.Errorf("late KPI starts with %q, want 2025-09-15", got)
	}
	zeros := 0
	wholesale := lines(1, "day", "wholesale_orders")
	for _, line := range wholesale {
		if strings.HasSuffix(line, ",0") {
			zeros++
		}
	}
	if share := float64(zeros) / float64(len(wholesale)); share < 0.75 {
		t.Errorf("intermittent KPI has %.2f zeros, want at least 0.75", share)
	}
	if got := len(lines(0, "hour", "orders")); got != 1096*12 {
		t.Errorf("hourly KPI has %d points, want %d", got, 1096*12)
	}
}
