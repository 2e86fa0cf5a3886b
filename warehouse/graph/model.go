package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Parameters is the one-row relation through which a run hands its as-of instant and window to a model.
const Parameters = "run.parameters"

// OutputWindow is the one-row relation that tells a window model which window of its result is kept.
const OutputWindow = "run.window"

// Kind says how a relation comes to be.
type Kind int

// The kinds. External relations are not made by a SQL file of the graph: raw datasets and Go models.
const (
	View Kind = iota + 1
	Table
	Window
	Check
	GoModel
)

// String returns the kind's word.
func (k Kind) String() string {
	return [...]string{"none", "view", "table", "window", "check", "go"}[k]
}

// Built is the header's built key.
type Built struct {
	// Kind is View, Table or Window.
	Kind Kind
	// Time is the column that windows are cut on; empty unless Kind is Window.
	Time string
	// By is what a window is: always Month for Window.
	By dataset.Transform
	// LookbackDays is how many days before its own time a row reads.
	LookbackDays int
	// LookaheadDays is how many days after its own time a row reads.
	LookaheadDays int
}

// Column is one declared output column.
type Column struct {
	Name    string
	Type    dataset.Type
	Unit    string // one word; "-" for none
	Meaning string
}

// Model is one SQL file.
type Model struct {
	// Relation is schema and name: "marts.kpi_daily".
	Relation string
	// Purpose is one sentence.
	Purpose string
	// Grain names the columns that make a row unique.
	Grain []string
	// Inputs names the relations that the SELECT reads, in header order, those of the run included.
	Inputs []string
	// Built says how the relation comes to be.
	Built Built
	// Owner is who answers for it.
	Owner string
	// Columns are the result's columns in order.
	Columns []Column
	// Path is the file's path below the folder of models.
	Path string
	// SQL is the SELECT below the header.
	SQL string
}

// Layer returns the schema: staging, marts, anomalies or checks.
func (m Model) Layer() string {
	layer, _, _ := strings.Cut(m.Relation, ".")
	return layer
}

// Name returns the relation's name without its schema.
func (m Model) Name() string {
	_, name, _ := strings.Cut(m.Relation, ".")
	return name
}

// Kind returns Check for checks and how the model is built for all others.
func (m Model) Kind() Kind {
	if m.Layer() == "checks" {
		return Check
	}
	return m.Built.Kind
}

// ReadsParameters reports whether the model reads run.parameters.
func (m Model) ReadsParameters() bool { return slices.Contains(m.Inputs, Parameters) }

// Dataset returns the model's result as a dataset. Key and sort are the grain; a
// window model is partitioned by month of its time column. Field ids are 0: the lake
// assigns them by name.
func (m Model) Dataset() dataset.Dataset {
	d := dataset.Dataset{Name: m.Relation, Key: slices.Clone(m.Grain), Sort: slices.Clone(m.Grain), Time: m.Built.Time}
	for _, c := range m.Columns {
		d.Columns = append(d.Columns, dataset.Column{Name: c.Name, Type: c.Type})
	}
	if m.Built.Kind == Window {
		d.Partition = dataset.Partition{Column: m.Built.Time, Transform: m.Built.By}
	}
	return d
}

// hash returns a digest of all that decides the model's rows: the SELECT and, of the
// header, the columns, the grain and how it is built. Prose is left out.
func (m Model) hash() string {
	h := sha256.New()
	h.Write([]byte(m.SQL))
	for _, c := range m.Columns {
		h.Write([]byte("\x00" + c.Name + " " + c.Type.String()))
	}
	h.Write([]byte("\x01" + strings.Join(m.Grain, ",") + "\x01" + m.Built.String()))
	return hex.EncodeToString(h.Sum(nil))
}
