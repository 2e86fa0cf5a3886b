package models_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse/warehousetest"
)

func TestModels(t *testing.T) { warehousetest.Run(t, os.DirFS(".")) }

func TestFilesHoldsEveryModelAndNothingElse(t *testing.T) {
	paths := func(fsys fs.FS, keep func(string) bool) []string {
		var found []string
		err := fs.WalkDir(fsys, ".", func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && keep(path) {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	got := paths(models.Files(), func(string) bool { return true })
	want := paths(os.DirFS("."), func(path string) bool { return strings.HasSuffix(path, ".sql") })
	if !slices.Equal(got, want) {
		t.Errorf("embedded files = %v, want %v", got, want)
	}
}
