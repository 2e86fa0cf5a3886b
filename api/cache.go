package api

import (
	"bytes"
	"container/list"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
)

// A cache keeps answers of this process by what they are made of (etag.go): since the key names the state of everything that an
// answer depends on, an answer is never stale, and what a newer state has replaced is no longer asked for and falls out.
//
// Answers are kept compressed: most callers take them so, and ten times as many fit. It may be used from many goroutines.
type cache struct {
	most  int64
	meter cacheMeter

	packers   sync.Pool // of *gzip.Writer
	unpackers sync.Pool // of *gzip.Reader

	mu      sync.Mutex
	bytes   int64
	entries map[cacheKey]*list.Element // of *entry
	order   *list.List                 // the one used last comes first
	flights map[cacheKey]*flight
}

// entry is one kept answer. It never changes.
type entry struct {
	key    cacheKey
	packed []byte // the body as gzip
	size   int    // of the body
}

// entryCost is about what an entry takes beside its body.
const entryCost = 256

// flight is an answer that is being made; landed is closed when entry is set, or stays nil for failure.
type flight struct {
	landed chan struct{}
	entry  *entry
}

// How an answer came about, as the X-Cache header and the measurements name it.
const (
	cacheHit    = "hit"       // it was kept
	cacheMiss   = "miss"      // it was made
	cacheShared = "shared"    // it was being made for somebody else
	cacheSame   = "unchanged" // the caller has it
)

type cacheMeter struct {
	answers *prometheus.CounterVec
	dropped prometheus.Counter
	bytes   prometheus.Gauge
	entries prometheus.Gauge
}

// newCache returns a cache that keeps at most most bytes; none when most is not positive.
func newCache(most int64, registry *prometheus.Registry) (*cache, error) {
	c := &cache{most: most, entries: map[cacheKey]*list.Element{}, order: list.New(), flights: map[cacheKey]*flight{}, meter: cacheMeter{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalcraft_cache_answers_total",
			Help: "Answers of the dashboards: kept (hit), made (miss), being made for somebody else (shared), or at the caller's (unchanged)."}, []string{"result"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalcraft_cache_dropped_total", Help: "Answers that fell out of the cache for want of room."}),
		bytes:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalcraft_cache_bytes", Help: "Bytes of the answers that are kept."}),
		entries: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalcraft_cache_answers", Help: "Answers that are kept."}),
	}}
	for _, collector := range []prometheus.Collector{c.meter.answers, c.meter.dropped, c.meter.bytes, c.meter.entries} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return c, nil
}

// get returns the answer of key, and how it came about. When it is not kept, one caller makes it and those who ask meanwhile
// wait for that. make may find that the state has moved on, and returns the key of the state that it saw. Errors are
// never shared: who waited for a failure makes the answer under their own rights.
func (c *cache) get(ctx context.Context, key cacheKey, make func(context.Context) (cacheKey, []byte, error)) (*entry, string, error) {
	for {
		c.mu.Lock()
		if found, ok := c.entries[key]; ok {
			c.order.MoveToFront(found)
			c.mu.Unlock()
			return found.Value.(*entry), cacheHit, nil
		}
		f, making := c.flights[key]
		if !making {
			f = c.takeOff(key)
			c.mu.Unlock()
			made, err := c.fly(ctx, key, f, make)
			return made, cacheMiss, err
		}
		c.mu.Unlock()
		select {
		case <-f.landed:
			if f.entry != nil {
				return f.entry, cacheShared, nil
			}
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}

func (c *cache) takeOff(key cacheKey) *flight {
	f := &flight{landed: make(chan struct{})}
	c.flights[key] = f
	return f
}

// fly makes the answer and lets those who wait go on, also when make panics.
func (c *cache) fly(ctx context.Context, key cacheKey, f *flight, make func(context.Context) (cacheKey, []byte, error)) (*entry, error) {
	defer func() {
		c.mu.Lock()
		delete(c.flights, key)
		if f.entry != nil {
			c.keep(f.entry)
		}
		c.mu.Unlock()
		close(f.landed)
	}()
	seen, body, err := make(ctx)
	if err != nil {
		return nil, err
	}
	packed, err := c.pack(body)
	if err != nil {
		return nil, err
	}
	f.entry = &entry{key: seen, packed: packed, size: len(body)}
	return f.entry, nil
}

// keep adds e and drops what was not used for longest. The lock is held.
func (c *cache) keep(e *entry) {
	cost := e.cost()
	if _, kept := c.entries[e.key]; kept || cost > c.most/4 {
		return
	}
	c.entries[e.key] = c.order.PushFront(e)
	c.bytes += cost
	for c.bytes > c.most {
		oldest := c.order.Back()
		old := c.order.Remove(oldest).(*entry)
		delete(c.entries, old.key)
		c.bytes -= old.cost()
		c.meter.dropped.Inc()
	}
	c.meter.bytes.Set(float64(c.bytes))
	c.meter.entries.Set(float64(len(c.entries)))
}

func (e *entry) cost() int64 { return int64(len(e.packed)) + entryCost }

// body returns the answer unpacked.
func (c *cache) body(e *entry) ([]byte, error) {
	reader, ok := c.unpackers.Get().(*gzip.Reader)
	if !ok {
		reader = new(gzip.Reader)
	}
	defer c.unpackers.Put(reader)
	if err := reader.Reset(bytes.NewReader(e.packed)); err != nil {
		return nil, fmt.Errorf("unpack answer: %w", err)
	}
	body := make([]byte, e.size)
	if _, err := io.ReadFull(reader, body); err != nil {
		return nil, fmt.Errorf("unpack answer: %w", err)
	}
	return body, nil
}

// pack compresses for speed: an answer is packed once and read many times, but the first reader waits for it.
func (c *cache) pack(body []byte) ([]byte, error) {
	packed := bytes.NewBuffer(make([]byte, 0, 1024+len(body)/6))
	writer, ok := c.packers.Get().(*gzip.Writer)
	if ok {
		writer.Reset(packed)
	} else {
		var err error
		if writer, err = gzip.NewWriterLevel(packed, gzip.BestSpeed); err != nil {
			return nil, fmt.Errorf("pack answer: %w", err)
		}
	}
	defer c.packers.Put(writer)
	if _, err := writer.Write(body); err != nil {
		return nil, fmt.Errorf("pack answer: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("pack answer: %w", err)
	}
	return bytes.Clone(packed.Bytes()), nil
}
