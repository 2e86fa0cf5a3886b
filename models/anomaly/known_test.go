package anomaly_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

// withHolidays is three years of a KPI that falls by four fifths on a holiday every 60 days.
func withHolidays() (values, holidays []float64) {
	values, holidays = weekly(21, 1000), make([]float64, 1000)
	for at := 40; at < len(values); at += 60 {
		values[at] -= 80
		holidays[at] = 1
	}
	return values, holidays
}

func holidayBatch(t *testing.T, values, holidays []float64) *series.Batch {
	t.Helper()
	b := batch(t, values)
	b.Known = []*series.Known{{FirstDay: firstDay, Columns: []series.KnownColumn{{Name: "holiday: fair", Kind: series.Calendar, Values: holidays}}}}
	return b
}

// A usual holiday dip is no alarm; a holiday without its dip is one.
func TestJudgeKnowsHolidays(t *testing.T) {
	values, holidays := withHolidays()
	v := judge(t, holidayBatch(t, values, holidays), anomaly.Options{})
	for at := 160; at < 1000; at += 60 {
		r := rowOf(v, at)
		if v.Alarm[r] || v.Ongoing[r] || v.Expected[r] > values[at]+25 {
			t.Errorf("holiday %d: %v of %.0f where %.0f was expected, alarm %v", at, v.Kind[r], values[at], v.Expected[r], v.Alarm[r])
		}
	}
	values[880] += 80
	v = judge(t, holidayBatch(t, values, holidays), anomaly.Options{})
	if r := rowOf(v, 880); !v.Alarm[r] || v.Kind[r] != anomaly.Spike {
		t.Errorf("the holiday without a dip: alarm %v, %v", v.Alarm[r], v.Kind[r])
	}
	unknown, _ := withHolidays()
	if v := judge(t, batch(t, unknown), anomaly.Options{}); !v.Alarm[rowOf(v, 160)] {
		t.Error("the dip raises no alarm where nobody knows of the holiday")
	}
}

// The first days of the month sell double: after some months that is no alarm.
func TestJudgeKnowsDaysOfTheMonth(t *testing.T) {
	random := rand.New(rand.NewPCG(22, 22))
	values := make([]float64, 1000)
	payday := func(at int) bool { return time.Unix(int64(firstDay+at)*86400, 0).UTC().Day() == 1 }
	for at := range values {
		if values[at] = 100 + 4*random.NormFloat64(); payday(at) {
			values[at] += 60
		}
	}
	v := judge(t, batch(t, values), anomaly.Options{})
	paydays, alarms := 0, 0
	for r := range v.Len() {
		at := int(v.Day[r]) - firstDay
		if at <= 200 || !payday(at) {
			continue
		}
		if paydays++; v.Alarm[r] {
			alarms++
		}
		if v.Expected[r] < 140 {
			t.Errorf("day %d: expected %.0f, want near 160", at, v.Expected[r])
		}
	}
	// One in sixty days is an alarm by the setting.
	if paydays < 20 || alarms > 2 {
		t.Errorf("%d alarms on %d paydays", alarms, paydays)
	}
}

func TestJudgeKeepsOffClosedDays(t *testing.T) {
	values, closed := weekly(23, 400), make([]float64, 400)
	for at := 300; at < 310; at++ {
		values[at], closed[at] = 0, 1
	}
	b := batch(t, values)
	b.Known = []*series.Known{{FirstDay: firstDay, Columns: []series.KnownColumn{{Name: "closed", Kind: series.Closed, Values: closed}}}}
	v := judge(t, b, anomaly.Options{ExpectedAlarms: 0.05})
	for at := 300; at < 400; at++ {
		if r := rowOf(v, at); at < 310 && r >= 0 || at >= 310 && (v.Alarm[r] || v.Expected[r] < 70) {
			t.Errorf("day %d: row %d", at, r)
		}
	}
}
