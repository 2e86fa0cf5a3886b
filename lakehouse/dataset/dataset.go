package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Type is a column's logical type. The zero value is not a type.
type Type int

// The logical types of the lake. Timestamps are UTC instants with microseconds;
// dates are calendar days without a zone.
const (
	Bool Type = iota + 1
	Int32
	Int64
	Float64
	String
	Date
	Timestamp
)

// String returns the type's DuckDB name, which is also the name that model headers use.
func (t Type) String() string {
	names := [...]string{Bool: "boolean", Int32: "integer", Int64: "bigint", Float64: "double", String: "varchar", Date: "date", Timestamp: "timestamptz"}
	if t < Bool || int(t) >= len(names) {
		return fmt.Sprintf("type(%d)", int(t))
	}
	return names[t]
}

// ParseType returns the type that a DuckDB type name stands for. It knows the names
// that String returns and DuckDB's own long name of timestamptz, in any case.
func ParseType(name string) (Type, error) {
	lower := strings.ToLower(strings.TrimSpace(name))
	if lower == "timestamp with time zone" {
		return Timestamp, nil
	}
	for t := Bool; t <= Timestamp; t++ {
		if t.String() == lower {
			return t, nil
		}
	}
	return 0, fmt.Errorf("column type %q: want one of boolean, integer, bigint, double, varchar, date, timestamptz", name)
}

// Column is one column of a dataset.
type Column struct {
	// ID is the Iceberg field id, unique in the dataset and never reused. Zero lets the lake assign one by name.
	ID int
	// Name is lower snake case.
	Name string
	// Type is the logical type.
	Type Type
	// Required is true when the column never holds null.
	Required bool
}

// Transform maps a partition column's value to its partition.
type Transform int

// The partition transforms in use. None means an unpartitioned dataset.
const (
	None Transform = iota
	Day
	Month
	Year
)

// Partition is how a dataset's files are divided: by one transform of one date or timestamp column.
type Partition struct {
	Column    string
	Transform Transform
}

// Dataset is one lake table.
type Dataset struct {
	// Name is namespace and table: "raw.kpi_points".
	Name string
	// Columns are in file order.
	Columns []Column
	// Key names the columns that make a row unique after staging.
	Key []string
	// Sort names the columns that rows of one file are ordered by.
	Sort []string
	// Time names the column windows are cut on; empty when the dataset is only ever replaced whole.
	Time string
	// Partition divides the files; its zero value means one partition.
	Partition Partition
}

// Namespace returns the part of the name before the dot.
func (d Dataset) Namespace() string {
	namespace, _, _ := strings.Cut(d.Name, ".")
	return namespace
}

// Table returns the part of the name after the dot.
func (d Dataset) Table() string {
	_, table, _ := strings.Cut(d.Name, ".")
	return table
}

// Column returns the column called name and whether there is one.
func (d Dataset) Column(name string) (Column, bool) {
	for _, c := range d.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// Validate returns an error that names the first rule the dataset breaks: a two-part
// name, columns with distinct names and ids, and key, sort, time and partition columns that exist.
func (d Dataset) Validate() error {
	if d.Namespace() == "" || d.Table() == "" || strings.Count(d.Name, ".") != 1 {
		return fmt.Errorf("dataset %q: the name must be namespace.table", d.Name)
	}
	if len(d.Columns) == 0 {
		return fmt.Errorf("dataset %s: no columns", d.Name)
	}
	names, ids := map[string]bool{}, map[int]bool{}
	for _, c := range d.Columns {
		if names[c.Name] || c.Name == "" {
			return fmt.Errorf("dataset %s: column name %q is empty or stands twice", d.Name, c.Name)
		}
		if c.ID != 0 && ids[c.ID] {
			return fmt.Errorf("dataset %s: field id %d of column %s stands twice", d.Name, c.ID, c.Name)
		}
		names[c.Name], ids[c.ID] = true, true
	}
	used := slices.Concat(d.Key, d.Sort)
	if d.Time != "" {
		used = append(used, d.Time)
	}
	if d.Partition.Transform != None {
		used = append(used, d.Partition.Column)
	}
	for _, name := range used {
		if !names[name] {
			return fmt.Errorf("dataset %s: key, sort, time or partition names column %q, which does not exist", d.Name, name)
		}
	}
	return nil
}
