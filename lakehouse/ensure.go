package lakehouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Ensure makes the table that d declares, or brings an existing one to it: it adds
// columns that the table lacks, which must be optional, and takes over key, time column
// and sort order. Columns with field id 0 get one by name. A difference in a column's
// type, field id or presence, a column that d no longer declares, or other partitions
// are refused with an error that names each. Ensure may run in several processes at once.
func (l *Lake) Ensure(ctx context.Context, d dataset.Dataset) error {
	if err := admissible(d); err != nil {
		return fmt.Errorf("ensure %s: %w", d.Name, err)
	}
	t, err := l.open(ctx, d.Name)
	if errors.Is(err, ErrNoTable) {
		if err = l.create(ctx, d); err == nil {
			t, err = l.open(ctx, d.Name) // another process may have been first, with other columns
		}
	}
	if err != nil {
		return fmt.Errorf("ensure %s: %w", d.Name, err)
	}
	if updates, err := evolution(t.Metadata(), d); err != nil || len(updates) == 0 {
		return wrap(err, "ensure %s", d.Name)
	}
	err = l.write(ctx, d.Name, func(s *session) error {
		updates, err := evolution(s.table.Metadata(), d)
		if err != nil || len(updates) == 0 {
			return err
		}
		_, _, err = s.CommitTable(ctx, identifier(d.Name), nil, updates)
		return err
	})
	return wrap(err, "ensure %s", d.Name)
}

// wrap says what was done when err happened; it keeps nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// admissible checks what the lake asks of a dataset beyond Dataset.Validate.
func admissible(d dataset.Dataset) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if strings.Trim(d.Name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != "" {
		return errors.New("the name must be lower snake case, because it names folders")
	}
	for _, key := range d.Key {
		if strings.Contains(key, ",") {
			return fmt.Errorf("column %q: a key column's name must not hold a comma", key)
		}
	}
	for _, name := range []string{d.Time, d.Partition.Column} {
		if column, ok := d.Column(name); ok && column.Type != dataset.Date && column.Type != dataset.Timestamp {
			return fmt.Errorf("column %s: time and partition columns are dates or timestamps, not %s", name, column.Type)
		}
	}
	if d.Time != "" && d.Partition.Transform != dataset.None && d.Time != d.Partition.Column {
		return fmt.Errorf("time column %s and partition column %s must be the same", d.Time, d.Partition.Column)
	}
	return nil
}

// create writes the first metadata of table d and registers it. When another process
// registers it first, this one's file is removed and the other's table stands.
func (l *Lake) create(ctx context.Context, d dataset.Dataset) error {
	d.Columns = number(d.Columns, 0)
	metadata, err := newMetadata(d, l.storage.table(d.Name))
	if err != nil {
		return err
	}
	location, err := l.writeMetadata(metadata, 0)
	if err != nil {
		return err
	}
	first, err := register(ctx, l.db, d.Name, location)
	if err == nil && first {
		l.logger.Info("table created", "dataset", d.Name)
		return nil
	}
	if err == nil {
		err = l.storage.files.Remove(location)
	}
	return err
}

// number gives columns without a field id the next ones after last and after every declared one.
func number(columns []dataset.Column, last int) []dataset.Column {
	columns = slices.Clone(columns)
	for _, c := range columns {
		last = max(last, c.ID)
	}
	for i := range columns {
		if columns[i].ID == 0 {
			last++
			columns[i].ID = last
		}
	}
	return columns
}

// newMetadata returns the metadata of an empty table. It uses the builder rather than
// table.NewMetadata, which would number the columns anew.
func newMetadata(d dataset.Dataset, location string) (table.Metadata, error) {
	schema, err := schemaOf(0, d.Columns)
	if err != nil {
		return nil, err
	}
	order, err := orderOf(d)
	if err != nil {
		return nil, err
	}
	properties, err := declared(d, schema)
	if err != nil {
		return nil, err
	}
	maps.Copy(properties, standing())
	spec := specOf(d)
	builder, err := table.NewMetadataBuilder(formatVersion)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return builder.SetUUID(uuid.New()) },
		func() error { return builder.AddSchema(schema) },
		func() error { return builder.SetCurrentSchemaID(-1) },
		func() error { return builder.AddSortOrder(&order) },
		func() error { return builder.SetDefaultSortOrderID(-1) },
		func() error { return builder.AddPartitionSpec(&spec, true) },
		func() error { return builder.SetDefaultSpecID(-1) },
		func() error { return builder.SetLoc(location) },
		func() error { return builder.SetProperties(properties) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("describe table: %w", err)
		}
	}
	return builder.Build()
}

// evolution returns the updates that bring a table to d, none when it is there.
func evolution(metadata table.Metadata, d dataset.Dataset) ([]table.Update, error) {
	have, err := datasetOf(d.Name, metadata)
	if err != nil {
		return nil, err
	}
	want, missing, err := resolve(have, d)
	if err != nil {
		return nil, err
	}
	columns, err := extend(have, missing, metadata.LastColumnID())
	if err != nil {
		return nil, err
	}
	want.Columns = columns
	schema, err := schemaOf(len(metadata.Schemas()), columns)
	if err != nil {
		return nil, err
	}
	var updates []table.Update
	if len(missing) > 0 {
		updates = append(updates, table.NewAddSchemaUpdate(schema), table.NewSetCurrentSchemaUpdate(-1))
	}
	if !slices.Equal(have.Sort, want.Sort) {
		order, err := orderOf(want)
		if err != nil {
			return nil, err
		}
		updates = append(updates, table.NewAddSortOrderUpdate(&order), table.NewSetDefaultSortOrderUpdate(-1))
	}
	properties, err := declared(want, schema)
	if err != nil {
		return nil, err
	}
	if changed := differing(metadata.Properties(), properties); len(changed) > 0 {
		updates = append(updates, table.NewSetPropertiesUpdate(changed))
	}
	return updates, nil
}

// extend returns the columns of a table and those that are added to it, with field ids beyond last.
func extend(have dataset.Dataset, missing []dataset.Column, last int) ([]dataset.Column, error) {
	columns := slices.Clone(have.Columns)
	for _, c := range number(missing, last) {
		if c.Required {
			return nil, fmt.Errorf("table %s, column %s: the table has no such column, declared is a required one; only optional columns can be added", have.Name, c.Name)
		}
		if c.ID <= last {
			return nil, fmt.Errorf("table %s, column %s: the table has no such column, declared is field id %d, which was another column's; use at least %d", have.Name, c.Name, c.ID, last+1)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// differing returns the properties of want that have does not hold.
func differing(have, want iceberg.Properties) iceberg.Properties {
	changed := maps.Clone(want)
	maps.DeleteFunc(changed, func(key, value string) bool { return have[key] == value })
	return changed
}
