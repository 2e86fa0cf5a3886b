package forecast_test

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// sharedRows reads a table of the shared KPI data without its header; false is that of shared.Dir.
func sharedRows(t *testing.T, name string) ([][]string, bool) {
	t.Helper()
	folder, ok := shared.Dir(t)
	if !ok {
		return nil, false
	}
	f, err := os.Open(filepath.Join(folder, "data", "kpi", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return rows[1:], true
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func dayOf(t *testing.T, text string) int32 {
	t.Helper()
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return int32(at.Unix() / 86400)
}

// rolled returns the mean absolute error of forecasts from every step-th day of a series on, with and without what is known.
// Measured columns are known ahead only for reach days.
func rolled(t *testing.T, first int32, y []float64, k *series.Known, from, step, reach int) (without, with float64) {
	t.Helper()
	const horizon = 14
	count := 0.0
	for cut := from; cut+horizon <= len(y); cut += step {
		seen := &series.Known{FirstDay: k.FirstDay}
		for _, c := range k.Columns {
			if c.Kind == series.Measured {
				all := c.Values
				c.Values = repeat(len(all), func(i int) float64 {
					if k.FirstDay+int32(i) >= first+int32(cut+reach) {
						return nan
					}
					return all[i]
				})
			}
			seen.Columns = append(seen.Columns, c)
		}
		b := batchOf(series.NonNegative(), y[:cut], y[:cut])
		b.FirstDay = []int32{first, first}
		b.Known = []*series.Known{nil, seen}
		v := run(t, b, forecast.Options{Horizon: horizon})
		for h := range horizon {
			if actual := y[cut+h]; !math.IsNaN(actual) {
				without += math.Abs(actual - v.Mean[h])
				with += math.Abs(actual - v.Mean[horizon+h])
				count++
			}
		}
	}
	return without / count, with / count
}

// Bike rentals err clearly less with the weather of the next days and holidays than without.
func TestBikeRentalsFollowTheWeather(t *testing.T) {
	rows, ok := sharedRows(t, "bike_sharing_day.csv.gz")
	if !ok {
		return
	}
	k := &series.Known{FirstDay: dayOf(t, rows[0][1])}
	for _, c := range []struct {
		name string
		kind series.KnownKind
		at   int
	}{
		{"holiday", series.Calendar, 5}, {"temperature", series.Measured, 9}, {"humidity", series.Measured, 11},
		{"wind", series.Measured, 12}, {"weather", series.Measured, 8},
	} {
		k.Columns = append(k.Columns, series.KnownColumn{Name: c.name, Kind: c.kind, Values: repeat(len(rows), func(i int) float64 { return number(t, rows[i][c.at]) })})
	}
	for _, c := range []struct {
		name   string
		at     int
		reach  int
		atMost float64 // of the error without
	}{{"all", 15, 14, 0.90}, {"all, a week known", 15, 7, 0.96}, {"registered", 14, 14, 0.94}} {
		y := repeat(len(rows), func(i int) float64 { return number(t, rows[i][c.at]) })
		without, with := rolled(t, k.FirstDay, y, k, 400, 23, c.reach)
		t.Logf("%s: error %.1f without, %.1f with what is known: %.3f", c.name, without, with, with/without)
		if with > c.atMost*without {
			t.Errorf("%s: error %.1f with what is known, %.1f without: want at most %.2f of it", c.name, with, without, c.atMost)
		}
	}
}

// Footfall in Melbourne errs less with the public holidays of Victoria than without, at every place.
func TestFootfallFollowsHolidays(t *testing.T) {
	rows, ok := sharedRows(t, "melbourne_pedestrian_daily.csv.gz")
	if !ok {
		return
	}
	var builder series.Builder
	for _, row := range rows {
		if err := builder.Append([]string{"melbourne"}, []string{row[1]}, []int32{dayOf(t, row[0])}, []float64{number(t, row[2])}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	k := victoria(t)
	var without, with float64
	for i := range b.Len() {
		one, other := rolled(t, b.FirstDay[i], b.Series(i), k, 300, 23, 0)
		t.Logf("%s: error %.0f without, %.0f with holidays: %.3f", b.KPIID[i], one, other, other/one)
		if other > one {
			t.Errorf("%s: error %.0f with holidays, %.0f without", b.KPIID[i], other, one)
		}
		without, with = without+one, with+other
	}
	if with > 0.93*without {
		t.Errorf("error %.0f with holidays, %.0f without: want at most 0.93 of it", with, without)
	}
}

// victoria holds the public holidays of Victoria, Australia, in 2015 and 2016, and Easter Saturday.
func victoria(t *testing.T) *series.Known {
	k := &series.Known{FirstDay: dayOf(t, "2015-01-01")}
	for _, holiday := range [][]string{
		{"New Year's Day", "2015-01-01", "2016-01-01"}, {"Australia Day", "2015-01-26", "2016-01-26"}, {"Labour Day", "2015-03-09", "2016-03-14"},
		{"Good Friday", "2015-04-03", "2016-03-25"}, {"Easter Saturday", "2015-04-04", "2016-03-26"}, {"Easter Sunday", "2015-04-05", "2016-03-27"},
		{"Easter Monday", "2015-04-06", "2016-03-28"}, {"Anzac Day", "2015-04-25", "2016-04-25"}, {"Queen's Birthday", "2015-06-08", "2016-06-13"},
		{"Grand Final Friday", "2015-10-02", "2016-09-30"}, {"Melbourne Cup", "2015-11-03", "2016-11-01"}, {"Christmas Day", "2015-12-25", "2016-12-25"},
		{"Boxing Day", "2015-12-26", "2016-12-26"}, {"additional day", "2015-12-28", "2016-12-27"},
	} {
		values := make([]float64, 760)
		for _, date := range holiday[1:] {
			values[dayOf(t, date)-k.FirstDay] = 1
		}
		k.Columns = append(k.Columns, series.KnownColumn{Name: "holiday: " + holiday[0], Kind: series.Calendar, Values: values})
	}
	return k
}
