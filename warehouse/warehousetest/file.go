package warehousetest

import (
	"fmt"
	"strings"

	"golang.org/x/tools/txtar"
)

// testCase is one case of a test file.
type testCase struct {
	name       string
	inputs     map[string]table
	parameters *table
	want       *table
	ctes       map[string]table
}

// parseFile reads a test file's cases in the order of their first section.
func parseFile(text []byte) ([]*testCase, error) {
	archive := txtar.Parse(text)
	if strings.TrimSpace(string(archive.Comment)) == "" {
		return nil, fmt.Errorf("the file must open with a comment that says what is at stake")
	}
	var cases []*testCase
	byName, seen := map[string]*testCase{}, map[string]bool{}
	for _, section := range archive.Files {
		if seen[section.Name] {
			return nil, fmt.Errorf("section %q stands twice", section.Name)
		}
		seen[section.Name] = true
		name, part, _ := strings.Cut(section.Name, "/")
		c := byName[name]
		if c == nil {
			c = &testCase{name: name, inputs: map[string]table{}, ctes: map[string]table{}}
			byName[name] = c
			cases = append(cases, c)
		}
		if err := c.add(part, string(section.Data)); err != nil {
			return nil, fmt.Errorf("section %q: %w", section.Name, err)
		}
	}
	for _, c := range cases {
		if c.want == nil {
			return nil, fmt.Errorf("case %s has no section %s/want", c.name, c.name)
		}
	}
	return cases, nil
}

func (c *testCase) add(part, text string) error {
	content, err := parseTable(text)
	if err != nil {
		return err
	}
	relation, isInput := strings.CutPrefix(part, "input/")
	cte, isCTE := strings.CutPrefix(part, "want/")
	switch {
	case isInput:
		c.inputs[relation] = content
	case isCTE:
		c.ctes[cte] = content
	case part == "parameters":
		c.parameters = &content
	case part == "want":
		c.want = &content
	default:
		return fmt.Errorf("want input/<relation>, parameters, want or want/<cte> after the case, got %q", part)
	}
	return nil
}

// hasInputRows reports whether any input of the case has a row.
func (c *testCase) hasInputRows() bool {
	for _, input := range c.inputs {
		if len(input.rows) > 0 {
			return true
		}
	}
	return false
}
