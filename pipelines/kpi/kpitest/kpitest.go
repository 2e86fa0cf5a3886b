// Package kpitest makes random files of KPI values, in every format and in random dialects, damages some of their rows, and
// knows of each what must land and what must be refused.
package kpitest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// File is one random file.
type File struct {
	// Name tells what it is, Bytes is its content.
	Name  string
	Bytes []byte
	// Spec reads it. Its KPIs are called what their ids are.
	Spec kpi.Spec
	// Form is the form of its times as a pattern of package sniff, Order that of its dates or empty.
	Form, Order string
	// Want are the values that must land, by KPI and instant; nothing else may.
	Want map[Point]float64
	// Rejects is how many values must be refused, Repeats how many of them as repeats.
	Rejects, Repeats int
	// Unreadable is true when nothing of it may land.
	Unreadable bool
}

// Point is a KPI at an instant.
type Point struct {
	KPI    string
	Micros int64
}

// Sent is how many values it holds.
func (f *File) Sent() int { return len(f.Want) + f.Rejects }

// maker makes one file.
type maker struct {
	*rand.Rand
	file   *File
	zone   *time.Location
	layout string
	hourly bool
	wide   bool
	names  []string
	times  []time.Time // local
	damage float64
	// typed formats write values as they are.
	typed bool
}

// New makes a file. Prefix begins the names of its KPIs.
func New(r *rand.Rand, prefix string) (*File, error) {
	m := &maker{Rand: r, file: &File{Want: map[Point]float64{}}, damage: []float64{0, 0.02, 0.1, 0.3}[r.IntN(4)]}
	format := []string{kpi.Delimited, kpi.Delimited, kpi.Delimited, kpi.JSONLines, kpi.Excel, kpi.Parquet}[r.IntN(6)]
	m.typed = format != kpi.Delimited
	m.file.Spec = kpi.Spec{Format: format, Zone: []string{"UTC", "Europe/Paris", "America/New_York"}[r.IntN(3)]}
	var err error
	if m.zone, err = time.LoadLocation(m.file.Spec.Zone); err != nil {
		return nil, err
	}
	m.wide, m.hourly = r.IntN(2) == 0, r.IntN(3) == 0
	m.chooseTimes()
	for k := range 1 + r.IntN(5) {
		m.names = append(m.names, fmt.Sprintf("%s café %d", prefix, k))
	}
	m.spec()
	switch format {
	case kpi.JSONLines:
		err = m.objects()
	case kpi.Excel:
		err = m.workbook()
	case kpi.Parquet:
		err = m.parquet()
	default:
		err = m.text()
	}
	m.file.Name = fmt.Sprintf("%s %s", format, m.file.Name)
	return m.file, err
}

// form is one way to write a time.
type form struct{ layout, pattern, order string }

func (m *maker) chooseTimes() {
	forms := []form{{"2006-01-02", "YYYY-M-D", ""}, {"02/01/2006", "D/M/YYYY", "DMY"}, {"01/02/2006", "M/D/YYYY", "MDY"}, {"2.1.2006", "D.M.YYYY", "DMY"},
		{"2 Jan 2006", "D MMM YYYY", ""}, {"20060102", "YYYYMMDD", ""}}
	f := forms[m.IntN(len(forms))]
	step := 24 * time.Hour
	if m.hourly {
		step = time.Hour
		f.layout, f.pattern = f.layout+" 15:04", f.pattern+" hh:mm"
	}
	m.layout, m.file.Form, m.file.Order = f.layout, f.pattern, f.order
	start := time.Date(2020+m.IntN(5), time.Month(1+m.IntN(12)), 1+m.IntN(28), 0, 0, 0, 0, time.UTC)
	if m.hourly {
		start = time.Date(start.Year(), 6, 1, 0, 0, 0, 0, time.UTC) // no clock changes in June
	}
	for i := range 5 + m.IntN(150) {
		m.times = append(m.times, start.Add(time.Duration(i)*step))
	}
}

func (m *maker) spec() {
	s := &m.file.Spec
	s.Time, s.Layouts = []string{"when"}, []string{m.layout}
	if !m.wide {
		s.Value, s.Key = "amount", []string{"what"}
	}
	for _, name := range m.names {
		series := kpi.Series{KPIID: name}
		if m.wide {
			series.Column = name
		} else {
			series.Key = []string{name}
		}
		s.KPIs = append(s.KPIs, series)
	}
	if !m.typed {
		s.Delimiter = []string{",", ";", "\t", "|"}[m.IntN(4)]
		s.DecimalComma = m.IntN(3) == 0
		if marks := []string{"", "", ",", ".", " ", "'"}; true {
			if s.Thousands = marks[m.IntN(len(marks))]; s.Thousands == "," == s.DecimalComma && s.Thousands != "" && (s.Thousands == "," || s.Thousands == ".") {
				s.Thousands = ""
			}
		}
	}
}

// at is the instant of a local time.
func (m *maker) at(local time.Time) int64 {
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, m.zone).UnixMicro()
}

// number returns a random value and its plain text.
func (m *maker) number() (float64, string) {
	value := []float64{1, 100, 1e6, 1e9}[m.IntN(4)] * (m.Float64()*2 - 0.5)
	text := strconv.FormatFloat(value, 'f', m.IntN(5), 64)
	value, _ = strconv.ParseFloat(text, 64)
	return value + 0, text
}

// want notes a value that must land.
func (m *maker) want(name string, local time.Time, value float64) {
	m.file.Want[Point{name, m.at(local)}] = value
}

// row is one row of cells: the time, and of a long file the key and value, of a wide one the values.
type row struct {
	local time.Time
	name  string // of the KPI of a long row
	texts []string
	vals  []float64
}

// rows returns the rows of an undamaged file.
func (m *maker) rows() []row {
	var rows []row
	for _, local := range m.times {
		if m.wide {
			r := row{local: local}
			for range m.names {
				value, text := m.number()
				r.texts, r.vals = append(r.texts, text), append(r.vals, value)
			}
			rows = append(rows, r)
			continue
		}
		for _, name := range m.names {
			value, text := m.number()
			rows = append(rows, row{local: local, name: name, texts: []string{text}, vals: []float64{value}})
		}
	}
	if m.IntN(3) == 0 {
		m.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
	}
	return rows
}

// good notes that all values of a row must land.
func (m *maker) good(r row) {
	for i, value := range r.vals {
		if m.wide {
			m.want(m.names[i], r.local, value)
		} else {
			m.want(r.name, r.local, value)
		}
	}
}

// refuseOne notes that one value is refused and the others of its row land.
func (m *maker) refuseOne(r row, bad int) {
	m.file.Rejects++
	for i, value := range r.vals {
		if i != bad {
			m.want(m.names[i], r.local, value) // a long row has no others
		}
	}
}

// repeat notes that all values of a row are said again.
func (m *maker) repeat(r row) {
	m.file.Rejects += len(r.vals)
	m.file.Repeats += len(r.vals)
}

// describe adds to the file's name.
func (m *maker) describe(words ...string) {
	m.file.Name = strings.TrimSpace(m.file.Name + " " + strings.Join(words, " "))
}
