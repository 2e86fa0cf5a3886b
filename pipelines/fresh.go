package pipelines

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

const landedAt = "landed_at"

// fresh returns the rows of parts, structs of d, that would change what readers see: those whose
// key the lake does not hold, or holds last with other values. When they were landed
// does not count. A source may therefore read the same days again and again, and a file
// may grow at its end, and still only what is new lands. Of several rows with one key the
// last counts. Rows are known by 64-bit hashes of key and values; a row is left out only
// when both agree. A row that differs from one landed as of the same or a later instant
// is outdated: readers would not, or not surely, see it. It is left out and counted.
func fresh[T any](ctx context.Context, lake *lakehouse.Lake, d dataset.Dataset, parts [][]T) (unheld []T, outdated int, err error) {
	held, err := newHeld(d, parts)
	if err != nil {
		return nil, 0, err
	}
	batches, err := lake.Scan(ctx, d.Name, held.columns, lakehouse.ReadOptions{Window: held.window})
	if err != nil {
		return nil, 0, err
	}
	for batch, err := range batches {
		if err != nil {
			return nil, 0, err
		}
		err := held.look(batch)
		batch.Release()
		if err != nil {
			return nil, 0, fmt.Errorf("compare with %s: %w", d.Name, err)
		}
	}
	if outdated = held.outdated(); held.left == outdated {
		return nil, outdated, nil
	}
	unheld, i := make([]T, 0, held.left-outdated), 0
	for _, part := range parts {
		for _, row := range part {
			if !held.has[i] && held.seen[i] < held.asOf {
				unheld = append(unheld, row)
			}
			i++
		}
	}
	return unheld, outdated, nil
}

// held compares incoming rows, one at least, with those in the lake.
type held struct {
	seed    maphash.Seed
	columns []string
	isKey   []bool
	window  dataset.Window // the incoming rows' time; zero for all
	asOf    int64          // the incoming rows' landed_at, in microseconds

	byKey  map[uint64]int // key hash to the last incoming row that has it
	values []uint64       // value hash of each incoming row
	seen   []int64        // newest landed_at, in microseconds, of the rows in the lake with its key
	has    []bool         // whether the newest row in the lake is equal
	left   int            // rows that differ from the lake's newest; set by outdated
}

// outdated counts the rows that differ from the lake's newest, and returns how many of them are outdated.
func (h *held) outdated() (count int) {
	h.left = 0
	for i, has := range h.has {
		if has {
			continue
		}
		h.left++
		if h.seen[i] >= h.asOf {
			count++
		}
	}
	return count
}

func newHeld[T any](d dataset.Dataset, parts [][]T) (*held, error) {
	count := 0
	for _, part := range parts {
		count += len(part)
	}
	h := &held{seed: maphash.MakeSeed(), byKey: make(map[uint64]int, count), values: make([]uint64, count), seen: make([]int64, count), has: make([]bool, count)}
	keys := make([]uint64, count)
	for f, c := range d.Columns {
		if name, _, _ := strings.Cut(reflect.TypeFor[T]().Field(f).Tag.Get("parquet"), ","); name != c.Name {
			return nil, fmt.Errorf("rows of %s: field %d is %q, want column %s", d.Name, f, name, c.Name)
		}
		h.columns = append(h.columns, c.Name)
		// A key that holds landed_at, the quarantine's, says nothing without it: there all columns count.
		h.isKey = append(h.isKey, slices.Contains(d.Key, c.Name) || slices.Contains(d.Key, landedAt))
		if c.Name == landedAt {
			h.asOf = reflect.ValueOf(parts[0]).Index(0).Field(f).Interface().(time.Time).UnixMicro()
			continue
		}
		from := 0
		for _, part := range parts {
			h.take(reflect.ValueOf(part), f, c.Name == d.Time, keys[from:from+len(part)], h.values[from:from+len(part)])
			from += len(part)
		}
	}
	for i, key := range keys {
		if earlier, ok := h.byKey[key]; ok {
			h.has[earlier] = true // in the row that counts
		}
		h.byKey[key] = i
		h.seen[i] = math.MinInt64
	}
	return h, nil
}

// take adds field f of rows, a slice of structs, to the hashes of their keys, when it is one, and of their values. Of the column that
// windows are cut on it widens the window.
func (h *held) take(rows reflect.Value, f int, isTime bool, keys, values []uint64) {
	texts := h.texts()
	for i := range values {
		field := rows.Index(i).Field(f)
		hashed := h.hashField(field, &texts)
		values[i] = mix(values[i], hashed)
		if h.isKey[f] {
			keys[i] = mix(keys[i], hashed)
		}
		// The quarantine's time is when a row was landed, which does not count.
		if isTime {
			h.cover(field)
		}
	}
}

// lastText hashes texts of which many in a row are the same only once.
type lastText struct {
	seed   maphash.Seed
	text   string
	hashed uint64
}

func (h *held) texts() lastText { return lastText{seed: h.seed, hashed: maphash.String(h.seed, "")} }

func (l *lastText) hash(text string) uint64 {
	if text != l.text {
		l.text, l.hashed = text, maphash.String(l.seed, text)
	}
	return l.hashed
}

// cover widens the window to hold the time in field.
func (h *held) cover(field reflect.Value) {
	start, length := time.Time{}, time.Microsecond
	if at, ok := instantOf(field); ok {
		start = at
	} else {
		start, length = dataset.FromDays(dataset.Days(field.Int())), 24*time.Hour
	}
	if h.window.IsZero() || start.Before(h.window.Start) {
		h.window.Start = start
	}
	if end := start.Add(length); end.After(h.window.End) {
		h.window.End = end
	}
}

// look takes one batch of rows of the lake into account.
func (h *held) look(batch arrow.RecordBatch) error {
	n := int(batch.NumRows())
	keys, values, landed := make([]uint64, n), make([]uint64, n), make([]int64, n)
	for f, name := range h.columns {
		at := batch.Schema().FieldIndices(name)
		if len(at) != 1 {
			return fmt.Errorf("column %s stands %d times in the batch", name, len(at))
		}
		column := batch.Column(at[0])
		if name == landedAt {
			if times, ok := column.(*array.Timestamp); ok {
				for i := range n {
					landed[i] = int64(times.Value(i))
				}
			}
			continue
		}
		hash, err := h.hashColumn(column)
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		for i := range n {
			hashed := uint64(hashedNull)
			if !column.IsNull(i) {
				hashed = hash(i)
			}
			values[i] = mix(values[i], hashed)
			if h.isKey[f] {
				keys[i] = mix(keys[i], hashed)
			}
		}
	}
	for i := range n {
		row, incoming := h.byKey[keys[i]]
		if !incoming || landed[i] < h.seen[row] {
			continue
		}
		// Of two rows landed at one instant either may be the one that readers see.
		h.has[row] = values[i] == h.values[row] && (landed[i] > h.seen[row] || h.has[row])
		h.seen[row] = landed[i]
	}
	return nil
}

// mix adds the hash of one more value to that of the values before it.
func mix(hash, value uint64) uint64 {
	hash = (hash ^ value) * 0x9E3779B97F4A7C15 // the golden ratio's bits, as in Fibonacci hashing
	return hash ^ hash>>29
}

// hashedNull stands for null: a number that no column of integers is likely to hold.
const hashedNull = 0x5bd1e9955bd1e995

// instantOf returns the instant that a field of a row holds, and false for fields of other types. Asking the field's address for it makes no
// copy.
func instantOf(field reflect.Value) (time.Time, bool) {
	if field.CanAddr() {
		if at, ok := field.Addr().Interface().(*time.Time); ok {
			return *at, true
		}
		return time.Time{}, false
	}
	at, ok := field.Interface().(time.Time)
	return at, ok
}

// hashField hashes a row's field as hashColumn hashes its column.
func (h *held) hashField(field reflect.Value, texts *lastText) uint64 {
	if field.Kind() == reflect.Pointer {
		if field.IsNil() {
			return hashedNull
		}
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.String:
		return texts.hash(field.String())
	case reflect.Float64:
		return math.Float64bits(field.Float())
	case reflect.Int64, reflect.Int32:
		return uint64(field.Int())
	case reflect.Bool:
		return hashBool(field.Bool())
	}
	at, _ := instantOf(field)
	return uint64(at.UnixMicro())
}

func (h *held) hashColumn(column arrow.Array) (func(int) uint64, error) {
	texts := h.texts()
	switch a := column.(type) {
	case *array.String:
		return func(i int) uint64 { return texts.hash(a.Value(i)) }, nil
	case *array.LargeString:
		return func(i int) uint64 { return texts.hash(a.Value(i)) }, nil
	case *array.Float64:
		return func(i int) uint64 { return math.Float64bits(a.Value(i)) }, nil
	case *array.Int64:
		return func(i int) uint64 { return uint64(a.Value(i)) }, nil
	case *array.Int32:
		return func(i int) uint64 { return uint64(a.Value(i)) }, nil
	case *array.Date32:
		return func(i int) uint64 { return uint64(a.Value(i)) }, nil
	case *array.Timestamp:
		return func(i int) uint64 { return uint64(a.Value(i)) }, nil
	case *array.Boolean:
		return func(i int) uint64 { return hashBool(a.Value(i)) }, nil
	}
	return nil, fmt.Errorf("no hash for %s", column.DataType())
}

func hashBool(v bool) uint64 {
	if v {
		return 3
	}
	return 2
}
