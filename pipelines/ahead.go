package pipelines

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
)

// aheadRows is how many rows of one source are held in memory until they land; what is more waits in a file.
const aheadRows = 20_000

// Ahead is what a source gave, read before it lands: whoever lands in the lake keeps others from landing, and a server that takes
// its time should keep nobody waiting. It is itself a Source that hands out the same batches, as often as it is read.
type Ahead struct {
	name string
	dir  string

	held []Batch
	rows int
	file *os.File // what is not held, in the order of reading; nil when all is held
	out  *bufio.Writer
	gob  *gob.Encoder
	// spilled counts the batches in the file.
	spilled int
}

var _ Source = (*Ahead)(nil)

// ReadAhead reads src for in and keeps what it gives, beyond a few rows in a file of dir that has no name, so that it is gone with
// this process. The error is that of src: units that failed are left out of the Ahead, and the others are in it. The caller closes it.
func ReadAhead(ctx context.Context, src Source, in Input, dir string) (*Ahead, error) {
	a := &Ahead{name: src.Name(), dir: dir}
	err := src.Read(ctx, in, a.keep)
	if a.out != nil {
		if failed := a.out.Flush(); failed != nil {
			err = errors.Join(err, fmt.Errorf("keep what was read: %w", failed))
		}
	}
	return a, err
}

// Name returns the source's.
func (a *Ahead) Name() string { return a.name }

// keep takes in one batch.
func (a *Ahead) keep(b Batch) error {
	// Only points and rejects go to a file: which of the other slices are nil has a meaning that the file would lose.
	plain := reflect.DeepEqual(b, Batch{Unit: b.Unit, RowsIn: b.RowsIn, KPIPoints: b.KPIPoints, Rejects: b.Rejects}) // which compares no rows
	if a.file == nil && a.rows+b.RowsIn <= aheadRows || !plain {
		a.held, a.rows = append(a.held, b), a.rows+b.RowsIn
		return nil
	}
	if a.file == nil {
		file, err := os.CreateTemp(a.dir, "ahead-*")
		if err != nil {
			return fmt.Errorf("keep what was read: %w", err)
		}
		if err := os.Remove(file.Name()); err != nil {
			return fmt.Errorf("keep what was read: %w", errors.Join(err, file.Close()))
		}
		a.file, a.out = file, bufio.NewWriterSize(file, 1<<20)
		a.gob = gob.NewEncoder(a.out)
	}
	if err := a.gob.Encode(b); err != nil {
		return fmt.Errorf("keep what was read: %w", err)
	}
	a.spilled++
	return nil
}

// Read hands out what was read. In counts for nothing any more.
func (a *Ahead) Read(ctx context.Context, _ Input, out func(Batch) error) error {
	for _, b := range a.held {
		if err := errors.Join(ctx.Err(), out(b)); err != nil {
			return err
		}
	}
	if a.file == nil {
		return nil
	}
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("take what was kept: %w", err)
	}
	decoder := gob.NewDecoder(bufio.NewReaderSize(a.file, 1<<20))
	for range a.spilled {
		var b Batch
		if err := decoder.Decode(&b); err != nil {
			return fmt.Errorf("take what was kept: %w", err)
		}
		if err := errors.Join(ctx.Err(), out(b)); err != nil {
			return err
		}
	}
	return nil
}

// Close removes what was kept. It may be called any number of times.
func (a *Ahead) Close() error {
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file, a.spilled = nil, 0
	if err != nil {
		return fmt.Errorf("remove what was kept: %w", err)
	}
	return nil
}
