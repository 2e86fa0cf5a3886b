package api

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// TestIdempotencyCampaign sends each request many times at once through two processes, while clients leave and connections to
// Postgres are cut at random moments. SIGNALCRAFT_CAMPAIGN=long makes it longer, SIGNALCRAFT_SEED repeats one.
func TestIdempotencyCampaign(t *testing.T) {
	t.Parallel()
	const duplicates = 32
	keys := 25
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		keys = 1000
	}
	seed := campaignSeed(t)
	db := storetest.New(t)
	one := newCreator(t, db, boxOf(t, 1))
	other := newCreator(t, db, boxOf(t, 1))
	other.token, other.user = one.token, one.user // the same account through two processes
	var sent, left, cuts, replays, mismatches atomic.Int64
	for k := range keys {
		random := rand.New(rand.NewPCG(seed, uint64(k)))
		name := fmt.Sprintf("thing-%d", k)
		body := fmt.Sprintf(`{"name":%q,"text":%q}`, name, strings.Repeat("x", random.IntN(4000)))
		var all sync.WaitGroup
		for d := range duplicates {
			leaves := random.IntN(3) == 0
			cut := random.IntN(16) == 0
			patience := time.Duration(random.IntN(12_000)) * time.Microsecond
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if leaves {
					ctx, cancel = context.WithTimeout(ctx, patience)
					defer cancel()
				}
				if cut {
					cuts.Add(1)
					_, _ = one.pool.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
						where datname = current_database() and pid <> pg_backend_pid() and state in ('idle in transaction', 'active') order by random() limit 2`)
				}
				sent.Add(1)
				if _, err := []*creator{one, other}[d%2].send(ctx, name, "application/json", strings.NewReader(body)); err != nil {
					left.Add(1)
				}
			})
		}
		all.Wait()
		// Whatever happened: the client that goes on asking gets the one answer.
		var last reply
		for range 200 {
			last = one.post(t, name, body)
			if last.status == 201 {
				break
			}
			if last.code == codeKeyInProgress {
				one.pass(time.Second)
			}
		}
		if last.replayed {
			replays.Add(1)
		}
		n, id := one.effects(t, name)
		again := other.post(t, name, body)
		if n != 1 || last.status != 201 || !strings.Contains(last.text, id) || again.text != last.text || !again.replayed {
			mismatches.Add(1)
			t.Errorf("%s: %d effects (%s), answer %+v, again %+v; want one effect and its answer", name, n, id, last, again)
		}
		// The token must outlive the campaign.
		one.mu.Lock()
		one.now = time.Date(2026, 3, 31, 6, 0, 0, 0, time.UTC)
		one.mu.Unlock()
	}
	entries := one.entries(t)
	if entries != keys {
		t.Errorf("%d audit entries of %d effects", entries, keys)
	}
	t.Logf("idempotency campaign: seed %d, %d keys, %d requests, %d clients left, %d cuts of connections, %d keys answered before their last try; %d mismatches, %d audit entries",
		seed, keys, sent.Load(), left.Load(), cuts.Load(), replays.Load(), mismatches.Load(), entries)
}
