package sniff

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/signalcraft/signalcraft/pipelines/kpi"
)

// marks is one way to read numbers.
type marks struct{ decimal, thousands string }

// ways are tried in this order; the first that reads most wins.
func ways() []marks {
	return []marks{{".", ""}, {",", ""}, {".", ","}, {",", "."}, {".", " "}, {",", " "}, {".", "'"}, {",", "'"}}
}

func (m marks) read(text string) (float64, bool) {
	return kpi.Number(text, m.decimal == ",", m.thousands)
}

// isNumber reports whether a text is a number in any way.
func isNumber(text string) bool {
	if len(text) > 40 || !strings.ContainsAny(text, "0123456789") {
		return false
	}
	for _, way := range ways() {
		if _, ok := way.read(text); ok {
			return true
		}
	}
	return false
}

// numberColumn tells whether a column holds numbers.
func (l *look) numberColumn(index int) bool {
	total, numbers := 0, 0
	l.table.values(index, func(value string, kind cellKind) {
		if total++; total > maxTexts {
			return
		}
		if kind == number || kind == text && isNumber(value) {
			numbers++
		}
	})
	total = min(total, maxTexts)
	return mostly(numbers, total)
}

// numbers describes the columns and finds out the marks inside numbers.
func (l *look) numbers() error {
	f := l.found
	var texts []string
	for i, name := range l.table.columns {
		c := Column{Name: name, Type: "empty"}
		seen := map[string]bool{}
		l.table.values(i, func(value string, _ cellKind) {
			if c.Type = "text"; len(c.Examples) < maxExamples && !seen[value] {
				seen[value] = true
				c.Examples = append(c.Examples, value[:min(len(value), 60)])
			}
		})
		switch {
		case l.isTime(name):
			c.Type = "time"
		case l.numberColumn(i):
			c.Type = "number"
			l.table.values(i, func(value string, kind cellKind) {
				if kind == text && len(texts) < 4*maxTexts {
					texts = append(texts, value)
				}
			})
		}
		f.Columns = append(f.Columns, c)
	}
	l.marks(texts)
	return nil
}

func (l *look) isTime(name string) bool {
	for _, t := range l.found.Time {
		if t == name {
			return true
		}
	}
	return false
}

// marks decides on the marks that read most texts, and asks where another way reads as many as other numbers.
func (l *look) marks(texts []string) {
	f := l.found
	var best marks
	most := -1
	read := map[marks]int{}
	for _, way := range ways() {
		if l.choices.DecimalMark != "" && way.decimal != l.choices.DecimalMark || !l.allows(way) {
			continue
		}
		for _, text := range texts {
			if _, ok := way.read(text); ok {
				read[way]++
			}
		}
		if read[way] > most {
			best, most = way, read[way]
		}
	}
	f.DecimalMark, f.Thousands = best.decimal, best.thousands
	if f.DecimalMark == "" { // nothing is allowed but what was chosen
		f.DecimalMark = "."
	}
	choices, example := []Choice{}, ""
	for _, way := range ways() {
		if way == best || read[way] == 0 || read[way] < most {
			continue
		}
		if text, differs := differing(texts, best, way); differs {
			if example == "" {
				example = text
				choices = append(choices, best.choice(text))
			}
			choices = append(choices, way.choice(text))
		}
	}
	if len(choices) > 0 && (l.choices.DecimalMark == "" || l.choices.Thousands == "") {
		f.ask(FieldDecimal, fmt.Sprintf("no number in the sample says which mark in %s begins the fraction", example), choices...)
	}
}

func (l *look) allows(way marks) bool {
	switch l.choices.Thousands {
	case "":
		return true
	case None:
		return way.thousands == ""
	}
	return way.thousands == l.choices.Thousands
}

// differing returns the first text that two ways read as different numbers.
func differing(texts []string, a, b marks) (string, bool) {
	for _, text := range texts {
		one, ok := a.read(text)
		other, also := b.read(text)
		if ok && also && one != other {
			return text, true
		}
	}
	return "", false
}

func (m marks) choice(text string) Choice {
	value, _ := m.read(text) // both ways read it
	return Choice{m.decimal, fmt.Sprintf("%s is %s", text, strconv.FormatFloat(value, 'f', -1, 64))}
}
