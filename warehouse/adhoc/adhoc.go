// Package adhoc answers analysts' SQL over the lake: every table and staging view by
// name, in an in-memory DuckDB that reads the lake's files and cannot change the lake.
//
// It runs with the rights of whoever starts it, on his own machine: a statement may read
// and write local files. SQL from users of the service must not come here.
package adhoc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// Config says what a session sees.
type Config struct {
	// Lake is read. Required.
	Lake *lakehouse.Lake
	// Models is the folder of SQL models, whose views are mounted. Required.
	Models fs.FS
	// Made are the datasets that Go models make; nil means dataset.Made().
	Made []dataset.Dataset
	// AsOf is the instant in run.parameters, for pasted models that read it. The window's bounds are null.
	AsOf time.Time
	// Session limits DuckDB. Its zero value is usable.
	Session warehouse.Config
}

// Session is an open place for queries. It may be used by one goroutine at a time.
type Session struct {
	lake    *lakehouse.Lake
	duck    *warehouse.Session
	shapes  map[string]dataset.Dataset // of every stored relation, known or found in the lake
	views   map[string]graph.Model
	models  map[string]graph.Model // every SQL model
	mounted map[string]int64       // relation -> snapshot; views 0
}

// Open starts a session. It mounts nothing yet: each statement mounts what it reads, at the newest
// snapshot. The caller closes it.
func Open(ctx context.Context, cfg Config) (*Session, error) {
	models, err := graph.Load(cfg.Models)
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	if cfg.Made == nil {
		cfg.Made = dataset.Made()
	}
	s := &Session{lake: cfg.Lake, shapes: map[string]dataset.Dataset{}, views: map[string]graph.Model{}, models: map[string]graph.Model{}, mounted: map[string]int64{}}
	for _, d := range slices.Concat(dataset.Raw(), cfg.Made) {
		s.shapes[d.Name] = d
	}
	for _, m := range models {
		s.models[m.Relation] = m
		if m.Built.Kind == graph.View || m.Kind() == graph.Check {
			s.views[m.Relation] = m
			continue
		}
		s.shapes[m.Relation] = m.Dataset()
	}
	cfg.Session.KeepOrder = true
	if s.duck, err = warehouse.Open(ctx, cfg.Session); err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	if err := s.duck.SetParameters(ctx, warehouse.Parameters{AsOf: cfg.AsOf}); err != nil {
		return nil, errors.Join(fmt.Errorf("open session: %w", err), s.duck.Close())
	}
	return s, nil
}

// Close ends the session.
func (s *Session) Close() error { return s.duck.Close() }

// Relations returns the names of everything that can be queried, sorted; checks are among them.
func (s *Session) Relations() []string {
	var names []string
	for name := range s.shapes {
		names = append(names, name)
	}
	for name := range s.views {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// prepare mounts what text reads: the relations of one SELECT, or everything for any
// other statement.
func (s *Session) prepare(ctx context.Context, text string) error {
	heads, err := s.lake.Heads(ctx)
	if err != nil {
		return err
	}
	query, err := s.duck.Inspect(ctx, text)
	if err != nil {
		// Broken syntax too: DuckDB's own message, when it runs, shows the place.
		return s.mount(ctx, heads, s.Relations())
	}
	return s.mount(ctx, heads, query.Relations)
}

// mount brings relations to the newest snapshots; names it does not know are left to DuckDB.
func (s *Session) mount(ctx context.Context, heads map[string]int64, relations []string) error {
	for _, relation := range relations {
		if view, ok := s.views[relation]; ok {
			if err := s.mountView(ctx, heads, view); err != nil {
				return err
			}
			continue
		}
		d, known := s.shapes[relation]
		head, stored := heads[relation]
		if at, mounted := s.mounted[relation]; (!known && !stored) || (mounted && at == head) {
			continue
		}
		if err := s.mountTable(ctx, relation, d, head, stored); err != nil {
			return err
		}
		s.mounted[relation] = head
	}
	return nil
}

func (s *Session) mountTable(ctx context.Context, relation string, d dataset.Dataset, head int64, stored bool) error {
	if !stored {
		return s.duck.Mount(ctx, d, nil, dataset.Window{})
	}
	files, err := s.lake.Files(ctx, relation, lakehouse.ReadOptions{Snapshot: head})
	if err != nil {
		return err
	}
	return s.duck.Mount(ctx, files.Dataset, files.Paths, dataset.Window{})
}

func (s *Session) mountView(ctx context.Context, heads map[string]int64, view graph.Model) error {
	if err := s.mount(ctx, heads, view.Inputs); err != nil {
		return err
	}
	if _, mounted := s.mounted[view.Relation]; mounted {
		return nil
	}
	if err := s.duck.DefineView(ctx, view.Relation, view.SQL); err != nil {
		return err
	}
	s.mounted[view.Relation] = 0
	return nil
}

// explain adds the names that exist to an error about one that does not.
func (s *Session) explain(ctx context.Context, text string, err error) error {
	query, broken := s.duck.Inspect(ctx, text)
	if broken != nil {
		return err
	}
	known := s.Relations()
	for _, relation := range query.Relations {
		schema, name, qualified := strings.Cut(relation, ".")
		if slices.Contains(known, relation) || relation == graph.Parameters || relation == graph.OutputWindow {
			continue
		}
		var like []string
		for _, k := range known {
			if (qualified && strings.HasPrefix(k, schema+".")) || strings.HasSuffix(k, "."+name) || strings.HasSuffix(k, "."+relation) {
				like = append(like, k)
			}
		}
		if len(like) == 0 {
			like = known
		}
		return fmt.Errorf("%w\nno relation %s; there are %s", err, relation, strings.Join(like, ", "))
	}
	return err
}
