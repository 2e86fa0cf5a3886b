package lakehouse

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// stagedFile is one Parquet file that is ready to be published.
type stagedFile struct {
	local     string // where it lies
	location  string // where it will lie
	partition time.Time
	data      iceberg.DataFile
}

// shape is what a table demands of its files.
type shape struct {
	dataset dataset.Dataset // with field ids
	table   *table.Table
	order   int // sort order that the files keep; 0 is none
}

// inspect reads the footer of a local Parquet file, checks that it fits the table, and
// returns its Iceberg description. A file without rows gives nil.
func (sh shape) inspect(local string) (*stagedFile, error) {
	info, err := os.Stat(local)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("it was never written")
	}
	if err != nil {
		return nil, err
	}
	footer, err := readFooter(local)
	if err != nil {
		return nil, err
	}
	if footer.NumRows == 0 {
		return nil, nil
	}
	if err := sh.checkColumns(footer); err != nil {
		return nil, err
	}
	staged := &stagedFile{local: local}
	folder := "data"
	if sh.dataset.Partition.Transform != dataset.None {
		if staged.partition, err = sh.partitionOf(footer); err != nil {
			return nil, err
		}
		folder += "/" + partitionName(sh.dataset.Partition.Transform, staged.partition)
	}
	staged.location = sh.table.Location() + "/" + folder + "/" + uuid.NewString() + ".parquet"
	staged.data, err = table.DataFileFromMetadata(table.DataFileArgs{
		Schema: sh.table.Schema(), Spec: sh.table.Spec(), Format: iceberg.ParquetFile, Metadata: footer,
		FilePath: staged.location, FileSize: info.Size(), Content: iceberg.EntryContentData, SortOrderID: sh.order,
		Properties: sh.table.Properties(), FormatVersion: sh.table.Metadata().Version(),
	})
	if err != nil {
		return nil, err
	}
	return staged, sh.checkPresence(staged.data)
}

func readFooter(path string) (*metadata.FileMetaData, error) {
	reader, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, fmt.Errorf("read Parquet footer: %w", err)
	}
	footer := reader.MetaData()
	if err := reader.Close(); err != nil {
		return nil, fmt.Errorf("read Parquet footer: %w", err)
	}
	return footer, nil
}

// checkColumns compares the file's columns with the dataset's by name: type and field
// id must agree, and only optional columns may be absent.
func (sh shape) checkColumns(footer *metadata.FileMetaData) error {
	schema, err := pqarrow.FromParquet(footer.Schema, nil, nil)
	if err != nil {
		return fmt.Errorf("read Parquet schema: %w", err)
	}
	want := arrowSchema(sh.dataset.Columns)
	var faults []error
	for i, f := range schema.Fields() {
		column, ok := sh.dataset.Column(f.Name)
		if !ok {
			faults = append(faults, fmt.Errorf("column %s: the table has no such column", f.Name))
			continue
		}
		field := want.Field(want.FieldIndices(f.Name)[0])
		if !arrow.TypeEqual(f.Type, field.Type) {
			faults = append(faults, fmt.Errorf("column %s: the file has %s, the table %s", f.Name, f.Type, column.Type))
		}
		if id := int(footer.Schema.Root().Field(i).FieldID()); id != column.ID {
			faults = append(faults, fmt.Errorf("column %s: the file has field id %d, the table %d", f.Name, id, column.ID))
		}
	}
	for _, c := range sh.dataset.Columns {
		if c.Required && len(schema.FieldIndices(c.Name)) == 0 {
			faults = append(faults, fmt.Errorf("column %s: it is required, and absent from the file", c.Name))
		}
	}
	return errors.Join(faults...)
}

// checkPresence refuses nulls in required columns and in the partition column. Writers
// such as DuckDB mark every column optional, so the counts decide.
func (sh shape) checkPresence(data iceberg.DataFile) error {
	nulls := data.NullValueCounts()
	var faults []error
	for _, c := range sh.dataset.Columns {
		if n := nulls[c.ID]; n > 0 && (c.Required || c.Name == sh.dataset.Partition.Column) {
			faults = append(faults, fmt.Errorf("column %s: %d nulls in a column that must not hold any", c.Name, n))
		}
	}
	return errors.Join(faults...)
}

// partitionOf returns the start of the one partition that all rows of the file lie in.
func (sh shape) partitionOf(footer *metadata.FileMetaData) (time.Time, error) {
	column, _ := sh.dataset.Column(sh.dataset.Partition.Column)
	index := footer.Schema.ColumnIndexByName(column.Name)
	transform := sh.dataset.Partition.Transform
	var start time.Time
	for i := range footer.NumRowGroups() {
		chunk, err := footer.RowGroup(i).ColumnChunk(index)
		if err != nil {
			return start, fmt.Errorf("column %s: %w", column.Name, err)
		}
		statistics, err := chunk.Statistics()
		if err != nil {
			return start, fmt.Errorf("column %s: %w", column.Name, err)
		}
		if statistics == nil || !statistics.HasMinMax() {
			return start, fmt.Errorf("column %s: the file has no bounds for the partition column, or only nulls", column.Name)
		}
		for _, bound := range [][]byte{statistics.EncodeMin(), statistics.EncodeMax()} {
			at, err := instant(column.Type, bound)
			if err != nil {
				return start, fmt.Errorf("column %s: %w", column.Name, err)
			}
			found := transform.Truncate(at)
			if start.IsZero() {
				start = found
			}
			if !found.Equal(start) {
				return start, fmt.Errorf("column %s: the file holds rows of partitions %s and %s, want one",
					column.Name, partitionName(transform, start), partitionName(transform, found))
			}
		}
	}
	return start, nil
}

// instant decodes a date or timestamp as Parquet and Iceberg write bounds: little endian.
func instant(t dataset.Type, bound []byte) (time.Time, error) {
	lakeType, err := icebergType(t)
	if err != nil {
		return time.Time{}, err
	}
	literal, err := iceberg.LiteralFromBytes(lakeType, bound)
	if err != nil {
		return time.Time{}, fmt.Errorf("decode bound: %w", err)
	}
	switch v := literal.(type) {
	case iceberg.DateLiteral:
		return dataset.FromDays(int32(v)), nil
	case iceberg.TimestampLiteral:
		return time.UnixMicro(int64(v)).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("decode bound: %T is not a time", literal)
}

// partitionName names the folder of the partition that starts at start.
func partitionName(t dataset.Transform, start time.Time) string {
	layouts := [...]string{dataset.Day: time.DateOnly, dataset.Month: "2006-01", dataset.Year: "2006"}
	return start.Format(layouts[t])
}

// partitionStart returns the start of the partition that a data file of the table says it is of.
func partitionStart(t dataset.Transform, data iceberg.DataFile) (time.Time, error) {
	var n int
	switch v := data.Partition()[partitionFieldID].(type) {
	case int:
		n = v
	case int32:
		n = int(v)
	case int64:
		n = int(v)
	case iceberg.Date:
		n = int(v)
	case time.Time:
		return t.Truncate(v), nil
	default:
		return time.Time{}, fmt.Errorf("file %s: partition value %v (%T) is not a number", data.FilePath(), v, v)
	}
	epoch := time.Unix(0, 0).UTC()
	switch t {
	case dataset.Day:
		return epoch.AddDate(0, 0, n), nil
	case dataset.Month:
		return epoch.AddDate(0, n, 0), nil
	case dataset.Year:
		return epoch.AddDate(n, 0, 0), nil
	}
	return time.Time{}, errors.New("the table is not partitioned")
}
