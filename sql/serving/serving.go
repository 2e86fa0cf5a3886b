// Package serving embeds the SQL of the Postgres side: the migrations that make the
// control plane and the published tables, and the query files of packages that read them.
package serving

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the goose migrations, named NNNN_verb_object.sql, at the root of a file system.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return sub
}
