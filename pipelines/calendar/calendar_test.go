package calendar_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/calendar"
	"github.com/signalcraft/signalcraft/pipelines/sourcetest"
)

func input(countries ...string) pipelines.Input {
	in := pipelines.Input{AsOf: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)}
	for _, country := range countries {
		in.Businesses = append(in.Businesses, dataset.BusinessRow{Country: country})
	}
	return in
}

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New:       func(testing.TB, sourcetest.Env) pipelines.Source { return calendar.New(nil) },
		Input:     input("IN", "XX", "IN"),
		WantUnits: []string{"holidays"},
		WantRows:  3 * 27, // 2000 to 2026
	})
}

// TestKnownDays compares with the governments' published lists.
func TestKnownDays(t *testing.T) {
	var rows []string
	err := calendar.New(nil).Read(t.Context(), input("DE", "US", "AU", "GB"), func(b pipelines.Batch) error {
		for _, h := range b.Holidays {
			rows = append(rows, fmt.Sprintf("%s %s %s", h.Country, dataset.FromDays(h.Day).Format(time.DateOnly), h.Name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"DE 2024-03-29 Karfreitag", "DE 2024-10-03 Tag der Deutschen Einheit", "US 2024-11-28 Thanksgiving Day", "US 2021-07-05 Independence Day (observed)",
		"AU 2024-01-26 Australia Day", "AU 2022-09-22 National Day of Mourning for Her Majesty the Queen", "GB 2024-08-26 Summer Bank Holiday", "GB 2026-12-28 Boxing Day (observed)",
	} {
		if !slices.Contains(rows, want) {
			year := want[3:7]
			t.Errorf("%s is missing; of that year: %v", want, slices.DeleteFunc(slices.Clone(rows), func(r string) bool { return r[:2] != want[:2] || r[3:7] != year }))
		}
	}
}

func TestCountryWithoutRulesIsLogged(t *testing.T) {
	var log bytes.Buffer
	err := calendar.New(slog.New(slog.NewTextHandler(&log, nil))).Read(t.Context(), input("XX"), func(b pipelines.Batch) error {
		t.Errorf("handed out %+v", b)
		return nil
	})
	if err != nil || !strings.Contains(log.String(), "country=XX") {
		t.Errorf("error %v, log %q; want no error and a line that names XX", err, log.String())
	}
}

func TestEveryCountryHasHolidaysEachYear(t *testing.T) {
	for _, country := range calendar.Countries() {
		years := map[int]int{}
		err := calendar.New(nil).Read(t.Context(), input(country), func(b pipelines.Batch) error {
			for _, h := range b.Holidays {
				years[dataset.FromDays(h.Day).Year()]++
			}
			return nil
		})
		for year := 2000; year <= 2026; year++ {
			if err != nil || years[year] < 3 {
				t.Errorf("%s has %d holidays in %d, error %v; want at least 3", country, years[year], year, err)
			}
		}
	}
}
