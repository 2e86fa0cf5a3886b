package serving

import (
	"embed"
	"io/fs"
)

//go:embed bench/*.sql
var bench embed.FS

// Bench returns the statement of a name with which the service's benchmark fills and asks a database.
func Bench(name string) (string, error) {
	text, err := fs.ReadFile(bench, "bench/"+name+".sql")
	return string(text), err
}
