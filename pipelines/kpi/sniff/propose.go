package sniff

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// maxKPIs bounds the KPIs of one file.
const maxKPIs = 1000

// propose names the KPIs and says what they are.
func (l *look) propose() error {
	f := l.found
	if err := l.spec(); err != nil {
		return err
	}
	if len(f.Key) > 0 && len(f.Time) > 0 && (f.Value != "" || f.Shape == Wide) {
		if err := l.keys(); err != nil {
			return err
		}
	}
	if f.Shape == Long && len(f.Key) == 0 {
		f.KPIs = []KPI{{}}
	}
	grain, columns := l.grain(), map[string]bool{}
	for _, k := range f.KPIs {
		columns[k.Column] = columns[k.Column] || !k.Skip
	}
	kept, signs := 0, map[string]bool{}
	for _, named := range columns {
		if named {
			kept++
		}
	}
	for i := range f.KPIs {
		k := &f.KPIs[i]
		column := k.Column
		if column == "" {
			column = f.Value
		}
		k.Name = nameOf(k.Key, column, f.Shape == Wide && (kept > 1 || k.Skip))
		k.Unit, k.Currency = l.unit(column, k.Name)
		k.Aggregation, k.Grain = aggregationOf(k.Name+" "+column), grain
		if _, known := signs[column]; !known {
			signs[column] = l.nonNegative(column)
		}
		k.NonNegative = signs[column]
	}
	skipped := slices.ContainsFunc(f.KPIs, func(k KPI) bool { return k.Skip })
	if skipped && !l.choices.KPIs {
		var choices []Choice
		for _, k := range f.KPIs {
			if k.Skip && !slices.ContainsFunc(choices, func(c Choice) bool { return c.Value == k.Column }) {
				choices = append(choices, Choice{k.Column, "left out unless you name it: " + k.Why})
			}
		}
		f.ask(FieldKPIs, "some columns of numbers are probably no KPIs; say which KPIs there are", choices...)
	}
	return nil
}

// spec makes the Spec of what is known so far, with one KPI that stands for all.
func (l *look) spec() error {
	f := l.found
	s := kpi.Spec{Format: f.Format, Encoding: f.Encoding, Sheet: f.Sheet, Delimiter: f.Delimiter, Time: f.Time, Zone: f.Zone, Value: f.Value,
		DecimalComma: f.DecimalMark == ",", Thousands: f.Thousands, Key: f.Key}
	if f.Format == kpi.Delimited || f.Format == kpi.Excel {
		s.Header = f.Header
	}
	iso := slices.Sorted(slices.Values(f.Forms))
	covered := !slices.ContainsFunc(iso, func(form string) bool { return !slices.Contains(isoPatterns(), form) })
	for _, form := range f.Forms {
		layout, err := Layout(form)
		if err != nil {
			return err
		}
		if !covered {
			s.Layouts = append(s.Layouts, layout)
		}
	}
	f.Spec = s
	return nil
}

// keys finds every key of the file: the sample may lack some. It reads the file to its end.
func (l *look) keys() error {
	f := l.found
	s := f.Spec
	s.SkipOthers = true
	column := ""
	if f.Shape == Wide && len(f.KPIs) > 0 {
		column = f.KPIs[0].Column
	}
	// No row has this key: every row counts as another's.
	s.KPIs = []kpi.Series{{Key: make([]string, len(s.Key)), Column: column, Skip: true}}
	for i := range s.KPIs[0].Key {
		s.KPIs[0].Key[i] = "\r"
	}
	found := map[string]int{}
	counts, _, err := kpi.Peek(l.ctx, l.reader(), s, kpi.Glance{Keys: found, MaxKeys: maxKPIs + 1, Forget: true})
	if err != nil {
		return err
	}
	f.Rows, f.RowsExact = int64(counts.Sent()), true
	columns := f.KPIs
	f.KPIs = nil
	if f.Shape == Long {
		columns = []KPI{{}}
	}
	for _, key := range sortedKeys(found) {
		for _, k := range columns {
			k.Key, k.Rows = strings.Split(key, "\n"), found[key]
			f.KPIs = append(f.KPIs, k)
		}
	}
	if len(found) > maxKPIs || len(f.KPIs) > maxKPIs {
		f.KPIs = f.KPIs[:min(len(f.KPIs), maxKPIs)]
		f.ask(FieldKey, fmt.Sprintf("these columns tell more than %d KPIs apart", maxKPIs))
	}
	return nil
}

func sortedKeys(found map[string]int) []string {
	keys := make([]string, 0, len(found))
	for key := range found {
		if strings.Trim(key, "\n") != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// whole is the file from its beginning to its end, for readers of streams.
type whole struct {
	kpi.Anywhere
	io.Reader
}

func (l *look) reader() io.Reader {
	size := int64(0)
	if info, err := l.file.Stat(); err == nil {
		size = info.Size()
	}
	return whole{l.file, io.NewSectionReader(l.file, 0, size)}
}

// nameOf names a KPI after its key and, in a wide file, its column.
func nameOf(key []string, column string, wide bool) string {
	parts := slices.DeleteFunc(slices.Clone(key), func(s string) bool { return s == "" })
	if len(parts) == 0 || wide {
		parts = append(parts, bracketed.ReplaceAllString(column, ""))
	}
	name := strings.TrimSpace(strings.Join(parts, " / "))
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	if name == "" {
		return "KPI"
	}
	return name
}

// bracketed is a unit behind a name: Revenue (EUR), Umsatz [€].
var bracketed = regexp.MustCompile(`\s*[(\[]([^)\]]{1,20})[)\]]\s*$`)

// currencies are the codes that a name may end with and still mean money.
var currencies = regexp.MustCompile(`(?i)(^|[_\s.(\[/-])(EUR|USD|GBP|CHF|JPY|CNY|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|INR|BRL|MXN|ZAR|SGD|HKD|KRW|THB|IDR|MYR|PHP|ILS|AED|SAR|ISK)([_\s.)\]/-]|$)`)

// unit guesses the unit from the name of a column; money only where a currency is named.
func (l *look) unit(column, name string) (unit, currency string) {
	for _, text := range []string{column, name} {
		if m := currencies.FindStringSubmatch(text); m != nil {
			code := strings.ToUpper(m[2])
			return code, code
		}
	}
	if m := bracketed.FindStringSubmatch(column); m != nil {
		unit = m[1]
	}
	switch {
	case strings.Contains(column, "€"):
		return "EUR", "EUR"
	case strings.Contains(column, "£"):
		return "GBP", "GBP"
	case strings.Contains(column, "%"):
		return "%", ""
	}
	return unit, ""
}

var (
	meanName = regexp.MustCompile(`(?i)(^|[^a-z])(avg|average|mean|rate|ratio|pct|percent|share|index|temp|temperature|price|score|utili[sz]ation|occupancy|conversion|humidity|hum|speed|windspeed|durchschnitt|quote|preis|taux)([^a-z]|$)|%`)
	lastName = regexp.MustCompile(`(?i)(^|[^a-z])(balance|stock|inventory|level|closing|outstanding|headcount|backlog|bestand|saldo)([^a-z]|$)`)
	maxName  = regexp.MustCompile(`(?i)(^|[^a-z])(max|maximum|peak|high)([^a-z]|$)`)
	minName  = regexp.MustCompile(`(?i)(^|[^a-z])(min|minimum|low)([^a-z]|$)`)
)

// aggregationOf guesses from a name how the values of a day become one.
func aggregationOf(name string) string {
	switch {
	case maxName.MatchString(name):
		return "max"
	case minName.MatchString(name):
		return "min"
	case meanName.MatchString(name):
		return "mean"
	case lastName.MatchString(name):
		return "last"
	}
	return "sum"
}

// grain is hour when the times of the sample name several hours.
func (l *look) grain() string {
	f := l.found
	for _, form := range f.Forms {
		if strings.Contains(form, "h") || form == kpi.LayoutUnix || form == kpi.LayoutUnixMilli {
			return "hour"
		}
	}
	grain := "day"
	if len(f.Forms) == 0 && len(f.Time) == 1 {
		l.table.values(l.table.column(f.Time[0]), func(value string, _ cellKind) {
			if len(value) > len(time.DateOnly)+1 && !strings.HasPrefix(value[len(time.DateOnly)+1:], "00:00") {
				grain = "hour"
			}
		})
	}
	return grain
}

func (l *look) nonNegative(column string) bool {
	index, low := l.table.column(column), 0.0
	if index < 0 {
		return false
	}
	l.table.values(index, func(text string, kind cellKind) {
		if v, ok := l.read(text, kind); ok {
			low = min(low, v)
		}
	})
	return low >= 0
}

// shownRows is how many rows the sample shows.
const shownRows = 20

// zoneRows is how many rows are read to see whether their local times exist.
const zoneRows = 20_000

// finish gives the Spec its KPIs and reads the first rows with it.
func (l *look) finish() error {
	f := l.found
	at := map[string]int{}
	for i, k := range f.KPIs {
		series := kpi.Series{Key: k.Key, Column: k.Column, Skip: k.Skip, KPIID: fmt.Sprintf("kpi-%d", i)}
		if k.Skip {
			series.KPIID = ""
		}
		at[series.KPIID] = i
		f.Spec.KPIs = append(f.Spec.KPIs, series)
	}
	if len(f.Spec.KPIs) == 0 || len(f.Time) == 0 || f.Shape == Long && f.Value == "" || f.Spec.Validate() != nil {
		return nil // questions are open
	}
	rows := map[int64]*Row{}
	row := func(line int64) *Row {
		if rows[line] == nil {
			rows[line] = &Row{Line: line}
		}
		return rows[line]
	}
	_, rejects, err := kpi.Peek(l.ctx, l.reader(), f.Spec, kpi.Glance{AsOf: l.options.AsOf, Rows: shownRows, Bytes: headBytes,
		Point: func(line int64, s kpi.Series, when time.Time, value float64) {
			r := row(line)
			r.Values = append(r.Values, Value{at[s.KPIID], when, value})
		}})
	if err != nil {
		if l.table.whole || f.Format == kpi.Excel || f.Format == kpi.Parquet {
			return err
		}
		return nil
	}
	for _, r := range rejects {
		line := row(*r.Line)
		line.Reasons = append(line.Reasons, r.Reason)
	}
	for _, line := range rows {
		f.Sample = append(f.Sample, *line)
	}
	slices.SortFunc(f.Sample, func(a, b Row) int { return int(a.Line - b.Line) })
	return l.zone()
}

// zone asks for the time zone when the sample has local times that never were in the one that was taken.
func (l *look) zone() error {
	f := l.found
	if f.Zoned || l.choices.Zone != "" || f.Zone == "" || f.Zone == "UTC" {
		return nil
	}
	_, rejects, err := kpi.Peek(l.ctx, l.reader(), f.Spec, kpi.Glance{Rows: zoneRows, Bytes: 8 * headBytes, Forget: true})
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // what is wrong with the rest of the file is for its landing to say
	}
	for _, r := range rejects {
		if strings.Contains(r.Reason, "clocks went forward over it") {
			f.ask(FieldZone, "some times never were in "+f.Zone+": "+r.Reason, Choice{"UTC", "its hours never skip or repeat"}, Choice{f.Zone, "such rows are refused"})
			return nil
		}
	}
	return nil
}
