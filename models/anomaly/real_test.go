package anomaly_test

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
	"github.com/signalcraft/signalcraft/testdata/shared"
)

// addFile adds the daily values of a CSV file to the builder, one KPI for each of the value columns, or by the name in column by.
func addFile(t *testing.T, b *series.Builder, path string, day, by int, columns ...int) {
	t.Helper()
	packed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		date, err := time.Parse(time.DateOnly, row[day])
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range columns {
			name := rows[0][column]
			if by >= 0 {
				name = row[by]
			}
			value, err := strconv.ParseFloat(row[column], 64)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Append([]string{"b"}, []string{name}, []int32{int32(date.Unix() / 86400)}, []float64{value}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// On real KPIs: the hurricane that stopped Washington's bikes is found on both its days, and alarms stay within double the setting, which leaves
// room for what really happened.
func TestJudgeRealKPIs(t *testing.T) {
	dir, ok := shared.Dir(t)
	if !ok {
		return
	}
	var builder series.Builder
	addFile(t, &builder, filepath.Join(dir, "data", "kpi", "bike_sharing_day.csv.gz"), 1, -1, 13, 14, 15)
	addFile(t, &builder, filepath.Join(dir, "data", "kpi", "melbourne_pedestrian_daily.csv.gz"), 0, 1, 2)
	b, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	sandy := int32(time.Date(2012, 10, 29, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	for _, setting := range []float64{0.25, 0.5, 1} {
		v := judge(t, b, anomaly.Options{ExpectedAlarms: setting})
		total, days := 0, 0
		for i := range b.Len() {
			alarms := 0
			lo, hi := v.Rows(i)
			for r := lo; r < hi; r++ {
				if v.Alarm[r] {
					alarms++
				}
				if b.KPIID[i] == "cnt" && setting == 0.5 && (v.Day[r] == sandy || v.Day[r] == sandy+1) && !v.Alarm[r] && !v.Ongoing[r] {
					t.Errorf("day %d of the hurricane is not told: score %.2f, expected %.0f", v.Day[r]-sandy+1, v.Score[r], v.Expected[r])
				}
			}
			t.Logf("%s: %.2f alarms a month at a setting of %.2f", b.KPIID[i], float64(alarms)/(float64(hi-lo)/30.44), setting)
			total, days = total+alarms, days+hi-lo
		}
		if rate := float64(total) / (float64(days) / 30.44); rate > 2*setting || rate < setting/2 {
			t.Errorf("%.2f alarms a month at a setting of %.2f", rate, setting)
		}
	}
}
