// Package models embeds the SQL models that DuckDB runs: one SELECT in one file for one
// relation, under the folder of its layer. The header of each file says what the relation is,
// what it reads and how it is built; package graph documents the form.
//
// Staging gives every raw dataset its current rows, marts are what people and the service
// read, anomalies are what stands out, and checks return the rows that break a promise. Test files lie
// beside the models and are not embedded.
package models

import (
	"embed"
	"io/fs"
)

//go:embed staging/*.sql marts/*.sql anomalies/*.sql checks/*.sql
var files embed.FS

// Files returns a file system whose folders are the layers and whose files are the models.
func Files() fs.FS { return files }
