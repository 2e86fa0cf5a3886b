package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// killedService is a service in a process of its own, which is killed again and again.
type killedService struct {
	t       *testing.T
	dir     string
	db      *storetest.DB
	pool    *pgxpool.Pool
	command *exec.Cmd
	url     string
	token   string
	// business is the caller's.
	business string
}

// TestIdempotencyWhenKilled kills the service with SIGKILL while it works on requests with an Idempotency-Key: before the work, within
// it, and between the work and the answer. Whoever repeats the request then gets one effect, and that effect's answer. The long form
// is `make campaign-idempotency`; SIGNALCRAFT_SEED repeats one.
func TestIdempotencyWhenKilled(t *testing.T) {
	kills, atOnce := 5, 12
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		kills = 100
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SIGNALCRAFT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SIGNALCRAFT_SEED: %v", err)
		}
	}
	random := rand.New(rand.NewPCG(seed, 13))
	s := &killedService{t: t, dir: t.TempDir(), db: storetest.New(t)}
	s.pool = s.db.Pool(t, "")
	s.start()
	t.Cleanup(s.kill)
	s.found()
	took := s.measure()
	answered, silent, lost, taken, wrong := 0, 0, 0, 0, 0
	for k := range kills {
		// Every other kill comes when the first answer does, which is thrown away: that work is done and nobody hears of it.
		delay := time.Duration(-1)
		if k%2 == 1 {
			delay = time.Duration(random.Int64N(int64(took * time.Duration(atOnce))))
		}
		statuses := s.sendAndKill(k, atOnce, delay)
		s.start()
		// The time that the dead process reserved for its work has passed.
		s.exec(`update idempotency_keys set leased_until = now() - interval '1 second'`)
		for i, status := range statuses {
			name := fmt.Sprintf("alert %d-%d", k, i)
			before := s.effects(name)
			switch {
			case status == http.StatusCreated:
				answered++
			case before > 0:
				silent++ // the work was done, and nobody heard of it
			default:
				lost++
			}
			first, second := s.post(name), s.post(name)
			if first.status != http.StatusCreated || second.status != http.StatusCreated || first.body != second.body || s.effects(name) != 1 {
				wrong++
				t.Errorf("kill %d after %s, %s: %d effects before the retry and %d after, answers %d %.200s and %d %.200s; want one effect and its answer",
					k, delay, name, before, s.effects(name), first.status, first.body, second.status, second.body)
			}
			if (status == http.StatusCreated || before > 0) != first.replayed {
				wrong++
				t.Errorf("kill %d, %s: replayed %t after an answer %d and %d effects", k, name, first.replayed, status, before)
			}
			taken++
		}
		s.exec(`delete from alerts`) // a business may have 500
	}
	if entries := s.count(`select count(*) from audit_log where action = 'createAlert' and outcome = 'done'`); entries != taken+measured {
		t.Errorf("%d audit entries of %d effects", entries, taken+measured)
	}
	t.Logf("idempotency campaign, kills: seed %d, %d kills, %d keys: %d answered before the kill, %d done and not answered, %d not done; %d without one effect and its answer after the retry",
		seed, kills, taken, answered, silent, lost, wrong)
	if silent == 0 && lost == 0 {
		t.Error("no kill hit a request: the campaign shows nothing")
	}
}

// start starts the service and waits until it listens.
func (s *killedService) start() {
	s.t.Helper()
	s.command = exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data-dir", s.dir)
	s.command.Env = append(os.Environ(), commandVariable+"=1", "DATABASE_URL="+s.db.URL(""))
	out, err := s.command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	var problems bytes.Buffer
	s.command.Stderr = &problems
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("serve did not begin: %v\n%s", err, problems.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // so that it never waits for a reader
	s.url = strings.TrimSuffix(strings.Fields(line)[2], ",")
}

// kill ends the process, and it alone, without a chance to do anything. It may be called twice.
func (s *killedService) kill() {
	_ = s.command.Process.Kill() // it may be dead already
	_ = s.command.Wait()
}

// found makes a user with a business, and signs in.
func (s *killedService) found() {
	s.t.Helper()
	credentials := map[string]string{"email": "ada@example.com", "password": "lantern orbit pickle Thursday", "full_name": "Ada"}
	s.must(http.StatusCreated, "/auth/register", credentials, nil)
	s.exec(`update users set email_verified_at = now()`)
	delete(credentials, "full_name")
	var in struct {
		AccessToken string `json:"access_token"`
	}
	s.must(http.StatusOK, "/auth/login", credentials, &in)
	s.token = in.AccessToken
	var business struct{ ID string }
	s.must(http.StatusCreated, "/businesses", map[string]string{"name": "Harbour Cafe", "time_zone": "Europe/Berlin", "currency": "EUR", "country": "DE"}, &business)
	s.business = business.ID
}

func (s *killedService) must(status int, path string, body, answer any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.send(s.t.Context(), path, string(text), "")
	if got.status != status {
		s.t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	if answer != nil {
		if err := json.Unmarshal([]byte(got.body), answer); err != nil {
			s.t.Fatal(err)
		}
	}
}

// measured is how many requests are timed.
const measured = 5

// measure returns how long one request takes.
func (s *killedService) measure() time.Duration {
	s.t.Helper()
	began := time.Now()
	for i := range measured {
		if got := s.post(fmt.Sprintf("alert of measure %d", i)); got.status != http.StatusCreated {
			s.t.Fatalf("%d %s", got.status, got.body)
		}
	}
	return time.Since(began) / measured
}

// sendAndKill sends requests at once, kills the service after a delay, or with the first answer when that is negative, and returns the
// status of each answer; 0 stands for none.
func (s *killedService) sendAndKill(kill, requests int, delay time.Duration) []int {
	s.t.Helper()
	statuses := make([]int, requests)
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var all sync.WaitGroup
	first := make(chan int, requests)
	for i := range statuses {
		all.Go(func() {
			name := fmt.Sprintf("alert %d-%d", kill, i)
			heard := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { first <- i }})
			statuses[i] = s.send(heard, "/dashboard/alerts", s.alert(name), name).status
		})
	}
	if delay < 0 {
		lost := <-first
		s.kill()
		all.Wait()
		statuses[lost] = 0
		return statuses
	}
	<-time.After(delay)
	s.kill()
	all.Wait()
	return statuses
}

type killedAnswer struct {
	status   int
	body     string
	replayed bool
}

func (s *killedService) alert(name string) string {
	return fmt.Sprintf(`{"business_id":%q,"name":%q,"condition":"anomaly"}`, s.business, name)
}

func (s *killedService) post(name string) killedAnswer {
	return s.send(s.t.Context(), "/dashboard/alerts", s.alert(name), name)
}

// send posts a body; without an answer its status is 0.
func (s *killedService) send(ctx context.Context, path, body, key string) killedAnswer {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return killedAnswer{}
	}
	r.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", strings.ReplaceAll(key, " ", "-"))
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return killedAnswer{}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return killedAnswer{}
	}
	return killedAnswer{answer.StatusCode, string(text), answer.Header.Get("Idempotency-Replayed") != ""}
}

func (s *killedService) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.pool.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

func (s *killedService) count(sql string, args ...any) (n int) {
	s.t.Helper()
	if err := s.pool.QueryRow(s.t.Context(), sql, args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// effects counts what the requests of a name did.
func (s *killedService) effects(name string) int {
	s.t.Helper()
	return s.count(`select count(*) from alerts where name = $1`, name)
}
