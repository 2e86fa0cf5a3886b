package api

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// bucketShards keeps requests of different callers from waiting for one lock, bucketsKept bounds the memory: about 100
// bytes for each bucket.
const (
	bucketShards = 64
	bucketsKept  = 200_000
	sweepEvery   = 500
)

// buckets are the token buckets of this process. A bucket is the instant at which it is full again; one that is full
// need not be kept.
type buckets struct {
	shards [bucketShards]struct {
		mu     sync.Mutex
		fullAt map[[sha256.Size]byte]time.Time
	}
	takes atomic.Uint64
}

// take takes a token, and returns when the bucket is full again and whether there was one.
func (b *buckets) take(key [sha256.Size]byte, now time.Time, limit Limit) (fullAt time.Time, taken bool) {
	shard := &b.shards[key[0]%bucketShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.fullAt == nil {
		shard.fullAt = map[[sha256.Size]byte]time.Time{}
	}
	fullAt, kept := shard.fullAt[key]
	if !kept && len(shard.fullAt) >= bucketsKept/bucketShards {
		forget(shard.fullAt, now)
	}
	if fullAt.Before(now) {
		fullAt = now
	}
	next := fullAt.Add(limit.Window / time.Duration(limit.Requests))
	if next.Sub(now) > limit.Window {
		return fullAt, false
	}
	shard.fullAt[key] = next
	return next, true
}

// forget drops buckets that are full; if those are less than a tenth, others go too, so that a flood of invented callers cannot
// grow the map without bound.
func forget(fullAt map[[sha256.Size]byte]time.Time, now time.Time) {
	room := len(fullAt) - len(fullAt)/10 - 1
	for key, at := range fullAt {
		if !at.After(now) {
			delete(fullAt, key)
		}
	}
	for key := range fullAt {
		if len(fullAt) <= room {
			return
		}
		delete(fullAt, key)
	}
}

// sweeps reports, once in a while, that it is time to drop shared buckets that are full.
func (b *buckets) sweeps() bool { return b.takes.Add(1)%sweepEvery == 0 }
