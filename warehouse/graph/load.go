package graph

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Load parses every .sql file of fsys, whose folders are the layers. The error joins
// those of all files. Models come in path order.
func Load(fsys fs.FS) ([]Model, error) {
	var models []Model
	var broken []error
	err := fs.WalkDir(fsys, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".sql") {
			return err
		}
		text, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		model, err := Parse(path, text)
		if err != nil {
			broken = append(broken, err)
			return nil
		}
		models = append(models, model)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load models: %w", err)
	}
	slices.SortFunc(models, func(a, b Model) int { return strings.Compare(a.Path, b.Path) })
	return models, errors.Join(broken...)
}
