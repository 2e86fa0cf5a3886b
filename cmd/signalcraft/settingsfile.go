package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// settingsFile reads settings from a YAML file whose keys are the flags' names. What a
// variable sets, or a flag, wins over the file. A key that is no setting is an error.
func settingsFile(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := yaml.NewDecoder(r).Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return fileSettings(values), nil
}

type fileSettings map[string]any

// Validate names a key that is no setting.
func (f fileSettings) Validate(app *kong.Application) error {
	var known []string
	for _, flag := range app.Flags {
		known = append(known, flag.Name)
	}
	for key := range f {
		if !slices.Contains(known, key) {
			return fmt.Errorf("settings file: %q is no setting; there are %s", key, strings.Join(known[1:], ", "))
		}
	}
	return nil
}

// Resolve returns the file's value of a flag, or nil where a variable sets it.
func (f fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, variable := range flag.Envs {
		if _, set := os.LookupEnv(variable); set {
			return nil, nil
		}
	}
	return f[flag.Name], nil
}
