package demo

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// shape says how a KPI's values come about: level times growth, seasons, events and noise.
type shape struct {
	level    float64     // value of an average day, or hour, at the start
	growth   float64     // relative growth per year
	weekly   [7]float64  // factor by weekday, Monday first
	yearly   float64     // amplitude of the yearly season
	peak     int         // day of the year on which the yearly season is highest
	hours    [24]float64 // factor by hour of the day, for hourly KPIs
	noise    float64     // relative standard deviation
	occurs   float64     // share of days with any value at all; 0 means all
	limit    float64     // values above are cut; 0 means none
	decimals int
	starts   string // first day; empty means the history's first
	gaps     []gap
	events   []event
}

// gap is a run of days that nobody recorded; event lifts (or drops) days by a relative size.
type gap struct {
	start string
	days  int
}

type event struct {
	start string
	days  int
	lift  float64
}

func mustDay(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

func within(day time.Time, start string, days int) bool {
	first := mustDay(start)
	return !day.Before(first) && day.Before(first.AddDate(0, 0, days))
}

// recorded reports whether the KPI has values on the day.
func (s shape) recorded(day time.Time) bool {
	if s.starts != "" && day.Before(mustDay(s.starts)) {
		return false
	}
	for _, g := range s.gaps {
		if within(day, g.start, g.days) {
			return false
		}
	}
	return true
}

// expected is the value of the day before noise.
func (s shape) expected(day time.Time) float64 {
	start, _ := History()
	years := day.Sub(start).Hours() / 24 / 365.25
	value := s.level * math.Pow(1+s.growth, years) * s.weekly[(int(day.Weekday())+6)%7]
	value *= 1 + s.yearly*math.Cos(2*math.Pi*float64(day.YearDay()-s.peak)/365.25)
	for _, e := range s.events {
		if within(day, e.start, e.days) {
			value *= 1 + e.lift
		}
	}
	return value
}

// draw adds noise, rounds and bounds one value.
func (s shape) draw(random *rand.Rand, expected float64) float64 {
	if s.occurs > 0 && random.Float64() >= s.occurs {
		return 0
	}
	value := max(0, expected*(1+s.noise*random.NormFloat64()))
	if s.limit > 0 {
		value = min(value, s.limit)
	}
	scale := math.Pow10(s.decimals)
	return math.Round(value*scale) / scale
}

// CSV returns the business's KPI file of one grain, day or hour, in long shape: local
// time, KPI name, value. Days run to end, exclusive. Daily files carry three broken
// lines; those are what the quarantine is for.
func (b Business) CSV(grain string, end time.Time) []byte {
	var out bytes.Buffer
	out.WriteString("time,kpi,value\n")
	start, _ := History()
	for _, k := range b.KPIs {
		if k.Row.Grain != grain {
			continue
		}
		random := rand.New(rand.NewPCG(20231031, seed(k.Row.KPIID)))
		for day := start; day.Before(end); day = day.AddDate(0, 0, 1) {
			k.writeDay(&out, random, day)
		}
	}
	if grain == "day" {
		fmt.Fprintf(&out, "2026-02-30,%s,100\n2026-03-04,%[1]s,n/a\n2026-03-05,unheard_of,12\n", b.KPIs[0].Row.Name)
	}
	return out.Bytes()
}

func (k KPI) writeDay(out *bytes.Buffer, random *rand.Rand, day time.Time) {
	expected := k.shape.expected(day)
	recorded := k.shape.recorded(day)
	if k.Row.Grain == "day" {
		// A value is drawn for gaps too, so that a gap moves no later value.
		if value := k.shape.draw(random, expected); recorded {
			k.write(out, day.Format(time.DateOnly), value)
		}
		return
	}
	for hour, factor := range k.shape.hours {
		value := k.shape.draw(random, expected*factor)
		if recorded && factor > 0 {
			k.write(out, fmt.Sprintf("%s %02d:00", day.Format(time.DateOnly), hour), value)
		}
	}
}

func (k KPI) write(out *bytes.Buffer, at string, value float64) {
	out.WriteString(at + "," + k.Row.Name + "," + strconv.FormatFloat(value, 'f', k.shape.decimals, 64) + "\n")
}

// seed gives each KPI its own random numbers, so that adding one changes no other.
func seed(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}
