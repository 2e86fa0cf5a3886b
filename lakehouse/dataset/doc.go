// Package dataset says what lies in the lake: every raw table's name, columns,
// field ids, key, partitions and sort order, and the half-open time windows that
// tables are read and replaced by.
//
// A raw dataset is declared by one Go struct: its parquet tags are the schema, so
// the writer, the catalog and the reader cannot disagree. A mart that SQL makes is
// declared by the header of its model file and arrives here as a Dataset value whose
// field ids the lake assigns by column name.
//
// Vocabulary: a dataset is a lake table; its time column is the one that windows are
// cut on; its key is the set of columns that makes a row unique once staging has
// kept the latest landing; its partition is one transform of one column.
package dataset
