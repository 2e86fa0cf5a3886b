package graph

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// keys are the header's keys in their fixed order.
var keys = [...]string{"relation", "purpose", "grain", "inputs", "built", "owner", "columns"}

var (
	layers       = []string{"staging", "marts", "anomalies", "checks"}
	nameForm     = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	relationForm = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)
	builtForm    = regexp.MustCompile(`^window ([a-z][a-z0-9_]*) by month(?: lookback (\d{1,4}) days?)?(?: lookahead (\d{1,4}) days?)?$`)
	continued    = regexp.MustCompile(`^--\s{3,}(\S.*)$`)
)

// entry is one key of a header with the lines that continue it.
type entry struct {
	value string
	lines []string
}

// Parse reads one model file. Path is the file's path below the folder of models and
// must be <layer>/<name>.sql. Errors name the path and, where there is one, the line.
func Parse(path string, text []byte) (Model, error) {
	entries, sql, err := split(string(text))
	if err != nil {
		return Model{}, fmt.Errorf("model %s: %w", path, err)
	}
	m := Model{
		Relation: entries["relation"].value,
		Purpose:  entries["purpose"].join(),
		Grain:    list(entries["grain"].join()),
		Inputs:   list(entries["inputs"].join()),
		Owner:    entries["owner"].value,
		Path:     path,
		SQL:      sql,
	}
	if m.Built, err = parseBuilt(entries["built"].value); err != nil {
		return Model{}, fmt.Errorf("model %s: %w", path, err)
	}
	for _, line := range entries["columns"].lines {
		column, err := parseColumn(line)
		if err != nil {
			return Model{}, fmt.Errorf("model %s: %w", path, err)
		}
		m.Columns = append(m.Columns, column)
	}
	if err := m.validate(); err != nil {
		return Model{}, fmt.Errorf("model %s: %w", path, err)
	}
	return m, nil
}

// split cuts a file into its header entries and the SELECT below.
func split(text string) (map[string]entry, string, error) {
	entries, current := map[string]entry{}, ""
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		if !strings.HasPrefix(line, "--") {
			if len(entries) < len(keys) {
				return nil, "", fmt.Errorf("line %d: the header ends before key %q", i+1, keys[len(entries)])
			}
			return entries, strings.TrimSpace(strings.Join(lines[i:], "\n")), nil
		}
		if part := continued.FindStringSubmatch(line); part != nil {
			if !slices.Contains([]string{"purpose", "grain", "inputs", "columns"}, current) {
				return nil, "", fmt.Errorf("line %d: key %q takes one line", i+1, current)
			}
			e := entries[current]
			e.lines = append(e.lines, part[1])
			entries[current] = e
			continue
		}
		if len(entries) == len(keys) {
			return nil, "", fmt.Errorf("line %d: %q is no column line (three blanks after the hyphens) and comes after the last key", i+1, line)
		}
		key, value, found := strings.Cut(strings.TrimPrefix(line, "-- "), ":")
		if want := keys[len(entries)]; !found || key != want {
			return nil, "", fmt.Errorf("line %d: want key %q, got %q", i+1, want, line)
		}
		current = key
		entries[key] = entry{value: strings.TrimSpace(value)}
	}
	return nil, "", fmt.Errorf("no SELECT below the header")
}

func (e entry) join() string {
	return strings.TrimSpace(strings.Join(append([]string{e.value}, e.lines...), " "))
}

func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func parseBuilt(text string) (Built, error) {
	switch text {
	case "view":
		return Built{Kind: View}, nil
	case "table":
		return Built{Kind: Table}, nil
	}
	part := builtForm.FindStringSubmatch(text)
	if part == nil {
		return Built{}, fmt.Errorf("built %q: want view, table or window <column> by month [lookback N days] [lookahead N days]", text)
	}
	days := func(digits string) int {
		n, _ := strconv.Atoi(digits) // the form admits at most four digits; none means 0
		return n
	}
	return Built{Kind: Window, Time: part[1], By: dataset.Month, LookbackDays: days(part[2]), LookaheadDays: days(part[3])}, nil
}

// String returns the built key's text.
func (b Built) String() string {
	if b.Kind != Window {
		return b.Kind.String()
	}
	text := "window " + b.Time + " by month"
	if b.LookbackDays > 0 {
		text += fmt.Sprintf(" lookback %d days", b.LookbackDays)
	}
	if b.LookaheadDays > 0 {
		text += fmt.Sprintf(" lookahead %d days", b.LookaheadDays)
	}
	return text
}

func parseColumn(line string) (Column, error) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return Column{}, fmt.Errorf("column line %q: want name, type, unit (- for none) and meaning", line)
	}
	kind, err := dataset.ParseType(fields[1])
	if err != nil {
		return Column{}, fmt.Errorf("column %s: %w", fields[0], err)
	}
	return Column{Name: fields[0], Type: kind, Unit: fields[2], Meaning: strings.Join(fields[3:], " ")}, nil
}

// validate returns the first rule that the header breaks.
func (m Model) validate() error {
	for i, text := range []string{m.Relation, m.Purpose, strings.Join(m.Grain, ""), strings.Join(m.Inputs, ""), m.Built.String(), m.Owner} {
		if text == "" {
			return fmt.Errorf("key %q is empty", keys[i])
		}
	}
	if len(m.Columns) == 0 {
		return fmt.Errorf("key %q has no column", "columns")
	}
	if !relationForm.MatchString(m.Relation) || !slices.Contains(layers, m.Layer()) {
		return fmt.Errorf("relation %q: want one of %s, a dot and a lower snake case name", m.Relation, strings.Join(layers, ", "))
	}
	if want := m.Layer() + "/" + m.Name() + ".sql"; m.Path != want {
		return fmt.Errorf("relation %s must stand in file %s", m.Relation, want)
	}
	for i, input := range m.Inputs {
		if !relationForm.MatchString(input) || slices.Contains(m.Inputs[:i], input) {
			return fmt.Errorf("input %q is not schema.name or stands twice", input)
		}
	}
	if m.Built.Kind != Window && slices.Contains(m.Inputs, OutputWindow) {
		return fmt.Errorf("input %s is for models that are built by windows, not as %s", OutputWindow, m.Built)
	}
	if err := m.validateColumns(); err != nil {
		return err
	}
	return m.validateSQL()
}

func (m Model) validateColumns() error {
	kinds := map[string]dataset.Type{}
	for _, c := range m.Columns {
		if !nameForm.MatchString(c.Name) || kinds[c.Name] != 0 {
			return fmt.Errorf("column %q is not lower snake case or stands twice", c.Name)
		}
		kinds[c.Name] = c.Type
	}
	for i, name := range m.Grain {
		if kinds[name] == 0 || slices.Contains(m.Grain[:i], name) {
			return fmt.Errorf("grain column %q is not a column or stands twice", name)
		}
	}
	if m.Built.Kind != Window {
		return nil
	}
	if kind := kinds[m.Built.Time]; kind != dataset.Date && kind != dataset.Timestamp {
		return fmt.Errorf("window column %q must be a date or timestamptz column", m.Built.Time)
	}
	return nil
}

func (m Model) validateSQL() error {
	if strings.Contains(m.SQL, ";") {
		return fmt.Errorf("the SELECT must hold no semicolon")
	}
	if m.SQL == "" {
		return fmt.Errorf("no SELECT below the header")
	}
	lower := strings.ToLower(m.SQL)
	if !strings.HasPrefix(lower, "with") && !strings.HasPrefix(lower, "select") {
		return fmt.Errorf("below the header must stand one SELECT that begins with with or select")
	}
	switch layer, kind := m.Layer(), m.Built.Kind; {
	case layer == "staging" && kind != View:
		return fmt.Errorf("staging is built as view, not %s", m.Built)
	case layer == "checks" && kind == Table:
		return fmt.Errorf("a check is built as view or window, not %s", m.Built)
	case (layer == "marts" || layer == "anomalies") && kind == View:
		return fmt.Errorf("%s are built as table or window, not view", layer)
	}
	return nil
}
