package lakehouse

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Table properties that carry what a dataset declares and Iceberg has no place for.
const (
	propertyKey  = "signalcraft.key"  // column names, separated by commas
	propertyTime = "signalcraft.time" // column name
)

// formatVersion is the version of the Iceberg format that tables are in: the newest that every engine writes.
const formatVersion = 2

// keptMetadata is how many earlier metadata files a table keeps beside its current one.
const keptMetadata = "20"

// partitionFieldID is the id of the one partition field; Iceberg numbers them from 1000.
const partitionFieldID = 1000

// lakeTypes pairs every dataset type with its Iceberg type.
var lakeTypes = [...]iceberg.Type{
	dataset.Bool:      iceberg.PrimitiveTypes.Bool,
	dataset.Int32:     iceberg.PrimitiveTypes.Int32,
	dataset.Int64:     iceberg.PrimitiveTypes.Int64,
	dataset.Float64:   iceberg.PrimitiveTypes.Float64,
	dataset.String:    iceberg.PrimitiveTypes.String,
	dataset.Date:      iceberg.PrimitiveTypes.Date,
	dataset.Timestamp: iceberg.PrimitiveTypes.TimestampTz,
}

// transforms pairs every dataset transform with its Iceberg transform.
var transforms = [...]iceberg.Transform{
	dataset.None:  iceberg.VoidTransform{},
	dataset.Day:   iceberg.DayTransform{},
	dataset.Month: iceberg.MonthTransform{},
	dataset.Year:  iceberg.YearTransform{},
}

func icebergType(t dataset.Type) (iceberg.Type, error) {
	if t < dataset.Bool || int(t) >= len(lakeTypes) {
		return nil, fmt.Errorf("%s is not a lake type", t)
	}
	return lakeTypes[t], nil
}

func datasetType(t iceberg.Type) (dataset.Type, error) {
	for lakeType := dataset.Bool; int(lakeType) < len(lakeTypes); lakeType++ {
		if lakeTypes[lakeType].Equals(t) {
			return lakeType, nil
		}
	}
	return 0, fmt.Errorf("%s is not a type of this lake", t)
}

// schemaOf returns the Iceberg schema of columns, all of which have ids.
func schemaOf(id int, columns []dataset.Column) (*iceberg.Schema, error) {
	fields := make([]iceberg.NestedField, len(columns))
	for i, c := range columns {
		t, err := icebergType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		fields[i] = iceberg.NestedField{ID: c.ID, Name: c.Name, Type: t, Required: c.Required}
	}
	return iceberg.NewSchema(id, fields...), nil
}

// specOf returns the Iceberg partition spec of d, whose columns have ids.
func specOf(d dataset.Dataset) iceberg.PartitionSpec {
	if d.Partition.Transform == dataset.None {
		return *iceberg.UnpartitionedSpec
	}
	column, _ := d.Column(d.Partition.Column)
	transform := transforms[d.Partition.Transform]
	return iceberg.NewPartitionSpec(iceberg.PartitionField{
		SourceIDs: []int{column.ID}, FieldID: partitionFieldID, Name: column.Name + "_" + transform.String(), Transform: transform,
	})
}

// orderOf returns the Iceberg sort order of d, whose columns have ids: ascending, nulls first.
func orderOf(d dataset.Dataset) (table.SortOrder, error) {
	if len(d.Sort) == 0 {
		return table.UnsortedSortOrder, nil
	}
	fields := make([]table.SortField, len(d.Sort))
	for i, name := range d.Sort {
		column, _ := d.Column(name)
		fields[i] = table.SortField{SourceIDs: []int{column.ID}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst}
	}
	return table.NewSortOrder(table.InitialSortOrderID, fields)
}

// declared returns the table properties that depend on d.
func declared(d dataset.Dataset, schema *iceberg.Schema) (iceberg.Properties, error) {
	mapping, err := json.Marshal(schema.NameMapping())
	if err != nil {
		return nil, fmt.Errorf("name mapping: %w", err)
	}
	return iceberg.Properties{
		propertyKey:                 strings.Join(d.Key, ","),
		propertyTime:                d.Time,
		table.DefaultNameMappingKey: string(mapping),
	}, nil
}

// standing returns the table properties that every table has.
func standing() iceberg.Properties {
	return iceberg.Properties{
		table.ParquetCompressionKey:               "zstd",
		table.MetadataDeleteAfterCommitEnabledKey: "true",
		table.MetadataPreviousVersionsMaxKey:      keptMetadata,
		table.ManifestMergeEnabledKey:             "true",
		table.WriteDeleteModeKey:                  table.WriteModeCopyOnWrite,
		"write.update.mode":                       table.WriteModeCopyOnWrite,
		"write.merge.mode":                        table.WriteModeCopyOnWrite,
	}
}

// datasetOf returns the dataset that a table's metadata describes.
func datasetOf(name string, metadata table.Metadata) (dataset.Dataset, error) {
	d := dataset.Dataset{Name: name, Time: metadata.Properties()[propertyTime]}
	if key := metadata.Properties()[propertyKey]; key != "" {
		d.Key = strings.Split(key, ",")
	}
	names := map[int]string{}
	for _, f := range metadata.CurrentSchema().Fields() {
		t, err := datasetType(f.Type)
		if err != nil {
			return dataset.Dataset{}, fmt.Errorf("table %s, column %s: %w", name, f.Name, err)
		}
		names[f.ID] = f.Name
		d.Columns = append(d.Columns, dataset.Column{ID: f.ID, Name: f.Name, Type: t, Required: f.Required})
	}
	spec := metadata.PartitionSpec()
	for _, f := range spec.Fields() {
		transform := slices.IndexFunc(transforms[:], func(t iceberg.Transform) bool { return t.Equals(f.Transform) })
		if transform < 0 || spec.NumFields() > 1 {
			return dataset.Dataset{}, fmt.Errorf("table %s: partition spec %s is not one of this lake", name, spec)
		}
		d.Partition = dataset.Partition{Column: names[f.SourceID()], Transform: dataset.Transform(transform)}
	}
	for _, f := range metadata.SortOrder().Fields() {
		d.Sort = append(d.Sort, names[f.SourceID()])
	}
	return d, nil
}

// resolve returns want with the field ids that table have gives its columns, and the
// columns that have lacks. Every other difference is named in the error.
func resolve(have, want dataset.Dataset) (resolved dataset.Dataset, missing []dataset.Column, err error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("table %s, "+format, append([]any{have.Name}, args...)...))
	}
	resolved = want
	resolved.Columns = slices.Clone(want.Columns)
	for i, c := range want.Columns {
		old, ok := have.Column(c.Name)
		switch {
		case !ok:
			missing = append(missing, c)
			continue
		case old.Type != c.Type:
			fault("column %s: the table has type %s, declared is %s", c.Name, old.Type, c.Type)
		case old.Required != c.Required:
			fault("column %s: the table has %s, declared is %s", c.Name, presence(old), presence(c))
		case c.ID != 0 && c.ID != old.ID:
			fault("column %s: the table has field id %d, declared is %d", c.Name, old.ID, c.ID)
		}
		resolved.Columns[i].ID = old.ID
	}
	for _, c := range have.Columns {
		if _, ok := want.Column(c.Name); !ok {
			fault("column %s: the table has it as %s, declared is no such column", c.Name, c.Type)
		}
	}
	if have.Partition != want.Partition {
		fault("column %s: the table is partitioned by %s, declared is %s", want.Partition.Column, partitioning(have), partitioning(want))
	}
	return resolved, missing, errors.Join(faults...)
}

func presence(c dataset.Column) string {
	if c.Required {
		return "required"
	}
	return "optional"
}

func partitioning(d dataset.Dataset) string {
	if d.Partition.Transform == dataset.None {
		return "nothing"
	}
	return fmt.Sprintf("%s(%s)", transforms[d.Partition.Transform], d.Partition.Column)
}
