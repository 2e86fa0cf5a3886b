package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/kpi"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// fileSource is the configuration of a KPI source of kind file.
type fileSource struct {
	// Path is relative to the data folder's inbox, which it cannot leave. Absolute ones need the setting for it.
	Path string   `json:"path"`
	Spec kpi.Spec `json:"spec"`
}

// fileConfig is the stored form of a file source's configuration.
func fileConfig(path string, spec kpi.Spec) (json.RawMessage, error) {
	config, err := json.Marshal(fileSource{Path: path, Spec: spec})
	if err != nil {
		return nil, fmt.Errorf("configure KPI file %s: %w", path, err)
	}
	return config, nil
}

// reading is one file source in one run.
type reading struct {
	source  store.Source
	content string // digest of the file
	refused int    // lines
	err     error
}

// loadKPIs lands the files of all KPI sources together. A file that has not changed
// since it last landed whole is not read; one that cannot be read stops no other.
func (b *batch) loadKPIs(ctx context.Context, e *execution) (step, error) {
	sources, err := b.data.Sources(ctx)
	if err != nil {
		return step{}, err
	}
	var readings []*reading
	var files []kpi.File
	var failed []error
	for _, source := range sources {
		if source.Kind != "file" {
			continue
		}
		r := &reading{source: source}
		file, err := b.file(ctx, r)
		if err != nil {
			r.err = fmt.Errorf("KPI source %s: %w", source.ID, err)
			failed = append(failed, r.err)
		} else if r.content == source.LastContent {
			continue
		} else {
			files = append(files, file)
		}
		readings = append(readings, r)
	}
	if len(readings) == 0 {
		return step{Note: run.UpToDate}, nil
	}
	reader, err := kpi.New(kpi.Config{Files: files})
	if err != nil {
		return step{}, err
	}
	done, landErr := b.land(ctx, e, reader, pipelines.Input{})
	failed = append(failed, landErr)
	for _, r := range readings {
		failed = append(failed, b.record(ctx, r, landErr, done.outdated))
	}
	return done, errors.Join(failed...)
}

// file describes the source's file to the reader and digests it.
func (b *batch) file(ctx context.Context, r *reading) (kpi.File, error) {
	var config fileSource
	if err := json.Unmarshal(r.source.Config, &config); err != nil {
		return kpi.File{}, fmt.Errorf("read its configuration: %w", err)
	}
	if err := config.Spec.Validate(); err != nil {
		return kpi.File{}, fmt.Errorf("read its configuration: %w", err)
	}
	open := func(context.Context) (io.ReadCloser, error) { return b.openKPIFile(config.Path) }
	content, err := digestFile(ctx, open, r.source.Config)
	if err != nil {
		return kpi.File{}, err
	}
	r.content = content
	return kpi.File{BusinessID: r.source.BusinessID.String(), SourceID: r.source.ID.String(), Name: config.Path, Spec: config.Spec, Open: open,
		Done: func(refused int, err error) { r.refused, r.err = refused, err }}, nil
}

// openKPIFile opens a file of the inbox. No path and no link leads out of it, unless the settings allow absolute paths.
func (b *batch) openKPIFile(path string) (io.ReadCloser, error) {
	if filepath.IsAbs(path) {
		if !b.settings.AllowFilePaths {
			return nil, fmt.Errorf("the path is absolute: put the file into the inbox, or start with --allow-file-paths")
		}
		return os.Open(path)
	}
	inbox, err := b.settings.in("inbox")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(inbox)
	if err != nil {
		return nil, err
	}
	defer root.Close() // the file stays open
	return root.Open(path)
}

// digestFile is the SHA-256 of a file and of how it is read.
func digestFile(ctx context.Context, open func(context.Context) (io.ReadCloser, error), config []byte) (string, error) {
	file, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer file.Close() // only read
	hash := sha256.New()
	hash.Write(config)
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read to digest: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// record notes how reading a source ended. landErr and outdated are those of all files
// together: a file counts as landed whole only when nothing at all was left out.
func (b *batch) record(ctx context.Context, r *reading, landErr error, outdated int) error {
	outcome := store.SourceRun{BusinessID: r.source.BusinessID, SourceID: r.source.ID, At: b.now(), Status: store.Succeeded}
	var lost *pipelines.LandError
	switch {
	case r.err != nil:
		outcome.Status, outcome.Problem = store.Failed, r.err.Error()
	case errors.As(landErr, &lost):
		outcome.Status, outcome.Problem = store.Failed, notStored
	case r.refused > 0:
		outcome.Status, outcome.Problem = store.Partial, fmt.Sprintf("%d lines are in quarantine", r.refused)
	case landErr == nil && outdated == 0:
		outcome.Content = r.content
	}
	return b.data.RecordSourceRun(ctx, outcome)
}
