package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Inspector returns the relations that a SELECT reads and the functions it calls, in lower case, and
// an error for anything but one SELECT. The warehouse's session is one.
type Inspector func(query string) (relations, functions []string, err error)

// impure are the functions whose answer depends on the clock, on chance or on files:
// a model that calls one would not give the same rows twice.
var impure = map[string]string{
	"now": "the clock", "current_timestamp": "the clock", "get_current_timestamp": "the clock", "transaction_timestamp": "the clock",
	"current_date": "the clock", "today": "the clock", "current_time": "the clock", "get_current_time": "the clock",
	"localtime": "the clock", "localtimestamp": "the clock", "current_localtime": "the clock", "current_localtimestamp": "the clock",
	"random": "chance", "uuid": "chance", "gen_random_uuid": "chance", "uuidv4": "chance", "uuidv7": "chance", "setseed": "chance",
	"read_parquet": "files", "parquet_scan": "files", "read_csv": "files", "read_csv_auto": "files", "read_json": "files",
	"read_json_auto": "files", "read_text": "files", "read_blob": "files", "glob": "files", "getenv": "the environment",
}

// Verify compares a model's declared inputs with those that its SELECT reads, and
// refuses functions that read the clock, chance, files or the environment. Errors name the file.
func Verify(m Model, inspect Inspector) error {
	relations, functions, err := inspect(m.SQL)
	if err != nil {
		return fmt.Errorf("model %s: %w", m.Path, err)
	}
	for _, relation := range relations {
		if !strings.Contains(relation, ".") {
			return fmt.Errorf("model %s: relation %q has no schema and is no CTE", m.Path, relation)
		}
		if !slices.Contains(m.Inputs, relation) {
			return fmt.Errorf("model %s: reads %s, which its inputs do not name", m.Path, relation)
		}
	}
	for _, input := range m.Inputs {
		if !slices.Contains(relations, input) {
			return fmt.Errorf("model %s: names input %s and does not read it", m.Path, input)
		}
	}
	for _, function := range functions {
		if source := impure[function]; source != "" {
			return fmt.Errorf("model %s: calls %s, which reads %s; use run.parameters", m.Path, function, source)
		}
	}
	return nil
}
