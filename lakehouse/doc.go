// Package lakehouse keeps the datasets of package dataset as Iceberg tables: Parquet
// files in a folder or bucket, and a catalog of two tables in Postgres. How do I land
// rows, replace a window, read what is there, and learn what changed?
//
//	lake, err := lakehouse.Open(ctx, lakehouse.Config{DB: db, Dir: "/var/lib/signalcraft/lake"})
//	err = lake.Ensure(ctx, dataset.KPIPoints())
//	result, err := lakehouse.Append(ctx, lake, dataset.KPIPoints(), commit, rows)
//	files, err := lake.Files(ctx, "raw.kpi_points", lakehouse.ReadOptions{Window: may})
//
// Vocabulary: a snapshot is one version of a table; a commit makes one, whole or not
// at all; a unit is the thing that is landed again and again (one location batch, one
// model window), and its content is a digest by which a repeated landing is known; a
// staging is a set of files that no reader sees until it is committed.
//
// A commit is atomic and durable: every file it names is on disk before Postgres
// learns of it. A table has one writer at a time across processes, because a commit
// holds the table's catalog row from reading it to replacing it. Tables never carry
// delete files, so a table is always exactly the rows of its data files. FORMAT.md
// says where everything lies.
package lakehouse
