package sniff

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// maxKeyShare is the share of different texts among a column's from which on it is no name of KPIs but free text.
const maxKeyShare = 0.5

// fewRows is how many rows say nothing of that share.
const fewRows = 20

// idName is how columns of ids are called.
var idName = regexp.MustCompile(`(?i)(^|_|\b)(id|code|uuid|guid|sku|key|nr|no|number)$|Id$`)

// shape finds out which columns hold values and which tell KPIs apart.
func (l *look) shape() error {
	f := l.found
	var numbers, texts []string
	for _, c := range f.Columns {
		switch {
		case l.isTime(c.Name) || slices.Contains(l.choices.Key, c.Name):
		case slices.Contains(l.choices.Columns, c.Name):
			numbers = append(numbers, c.Name)
		case c.Type == "empty":
		case c.Type == "number":
			numbers = append(numbers, c.Name)
		case c.Type == "text":
			texts = append(texts, c.Name)
		}
	}
	for _, name := range l.choices.Columns {
		// Objects have what columns they like: the sample may lack one that later rows have.
		if f.Format == kpi.JSONLines && l.table.column(name) < 0 && !slices.Contains(numbers, name) {
			numbers = append(numbers, name)
		}
	}
	if err := l.exist(FieldKey, l.choices.Key...); err != nil {
		return err
	}
	if err := l.exist(FieldValue, l.choices.Value); err != nil {
		return err
	}
	f.Key = l.choices.Key
	if l.choices.Key == nil {
		f.Key = l.key(texts, numbers)
		numbers = slices.DeleteFunc(numbers, func(name string) bool { return slices.Contains(f.Key, name) })
	}
	f.Shape, f.Value = l.choices.Shape, l.choices.Value
	if f.Shape == "" && f.Value == "" && len(l.choices.Columns) > 0 {
		f.Shape = Wide
	}
	switch {
	case f.Value != "":
		f.Shape = Long
	case len(numbers) == 0:
		var choices []Choice
		for _, name := range texts {
			choices = append(choices, Choice{name, "the values are in " + name})
		}
		f.Shape = Long
		f.ask(FieldValue, "no column looks like numbers", choices...)
	case f.Shape == Long && len(numbers) > 1, f.Shape == "" && len(numbers) == 1:
		f.Shape, f.Value = Long, numbers[0]
		if len(numbers) > 1 {
			var choices []Choice
			for _, name := range numbers {
				choices = append(choices, Choice{name, "the values are in " + name})
			}
			f.ask(FieldValue, "several columns hold numbers", choices...)
		}
	case f.Shape == Long:
		f.Value = numbers[0]
	default:
		f.Shape = Wide
	}
	for _, name := range numbers {
		if f.Shape == Wide {
			f.KPIs = append(f.KPIs, l.column(name))
		}
	}
	return nil
}

// exist returns a fault unless every named column exists.
func (l *look) exist(field string, names ...string) error {
	for _, name := range names {
		if name != "" && l.table.column(name) < 0 {
			return &Fault{field, fmt.Sprintf("column %q does not exist; there are %s", name, strings.Join(l.table.columns, ", "))}
		}
	}
	return nil
}

// key returns the columns that, with the time, tell the sample's rows apart: none when the time does alone.
func (l *look) key(texts, numbers []string) []string {
	if len(l.found.Time) == 0 || l.distinct(nil) {
		return nil
	}
	var names, ids []string
	for _, name := range texts {
		if l.different(name) > maxKeyShare {
			continue
		}
		if idName.MatchString(name) {
			ids = append(ids, name)
			continue
		}
		names = append(names, name)
	}
	for _, name := range numbers {
		if idName.MatchString(name) && l.different(name) <= maxKeyShare {
			ids = append(ids, name)
		}
	}
	candidates := [][]string{names}
	for _, id := range ids {
		candidates = append(candidates, append(slices.Clone(names), id))
	}
	candidates = append(candidates, append(slices.Clone(names), ids...))
	for _, key := range candidates {
		if len(key) > 0 && l.distinct(key) {
			return l.without(key)
		}
	}
	choices := []Choice{}
	for _, name := range slices.Concat(names, ids) {
		choices = append(choices, Choice{name, "each " + name + " is a KPI"})
	}
	l.found.ask(FieldKey, "several rows have the same time, and no columns tell them apart; of such rows the first counts and the others are refused", choices...)
	return names
}

// without leaves out columns that say the same on every row, when every row is known.
func (l *look) without(key []string) []string {
	if !l.table.whole || len(key) == 1 {
		return key
	}
	kept := slices.DeleteFunc(slices.Clone(key), func(name string) bool {
		seen := map[string]bool{}
		l.table.values(l.table.column(name), func(value string, _ cellKind) { seen[value] = true })
		return len(seen) == 1
	})
	if len(kept) == 0 {
		return key[:1]
	}
	return kept
}

// different returns the share of different texts in a column.
func (l *look) different(name string) float64 {
	seen, total := map[string]bool{}, 0
	l.table.values(l.table.column(name), func(value string, _ cellKind) { seen[value] = true; total++ })
	if total <= fewRows {
		return 0
	}
	return float64(len(seen)) / float64(total)
}

// distinct reports whether nearly no two rows share time and key.
func (l *look) distinct(key []string) bool {
	var columns []int
	for _, name := range slices.Concat(l.found.Time, key) {
		columns = append(columns, l.table.column(name))
	}
	seen, doubled := map[string]bool{}, 0
	for _, row := range l.table.rows {
		var id strings.Builder
		for _, c := range columns {
			id.WriteString(strings.TrimSpace(row[c]))
			id.WriteByte('\n')
		}
		if seen[id.String()] {
			doubled++
		}
		seen[id.String()] = true
	}
	return float64(doubled) <= 0.02*float64(len(l.table.rows))
}

// column proposes the KPI of a column, or to leave it out: row numbers, and numbers that stand for something else.
func (l *look) column(name string) KPI {
	k := KPI{Column: name}
	index := l.table.column(name)
	if index < 0 {
		return k
	}
	sequence, whole := 0, true
	seen := map[float64]bool{}
	total, last := 0, 0.0
	l.table.values(index, func(text string, kind cellKind) {
		value, ok := l.read(text, kind)
		if !ok {
			return
		}
		if total > 0 && value == last+1 {
			sequence++
		}
		last = value
		total++
		seen[value] = true
		whole = whole && value == float64(int64(value))
	})
	switch {
	case total >= 20 && sequence >= total*9/10 && len(seen) > total*9/10:
		k.Skip, k.Why = true, "it numbers the rows"
	case total >= 60 && whole && len(seen) <= 12:
		k.Skip, k.Why = true, fmt.Sprintf("it has only %d different whole numbers, as codes and flags do", len(seen))
	case idName.MatchString(name):
		k.Skip, k.Why = true, "its name is that of an id"
	}
	return k
}

// read returns a cell's number as it would land.
func (l *look) read(text string, kind cellKind) (float64, bool) {
	if kind == number {
		return kpi.Number(text, false, "")
	}
	return kpi.Number(text, l.found.DecimalMark == ",", l.found.Thousands)
}
