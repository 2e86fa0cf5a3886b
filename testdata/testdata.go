// Package testdata holds the demonstration's upstream answers, written for this
// project; README.md says what is in them.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed upstream/manifest.json upstream/frankfurter upstream/gdelt upstream/geonames upstream/open-meteo
var files embed.FS

// Upstream returns the answers with their manifest.json, as a replay server serves them.
func Upstream() fs.FS {
	answers, err := fs.Sub(files, "upstream")
	if err != nil {
		panic("testdata: " + err.Error()) // only for a path that is none
	}
	return answers
}
