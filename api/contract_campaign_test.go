package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// contractCaller is one caller of the campaign.
type contractCaller struct {
	name  string
	user  *apitest.User
	token string
	// business is the one that the world made them a member of; empty when none.
	business string
}

// contractCampaign asks a real service what its contract says, and more, and holds the answers against the contract.
type contractCampaign struct {
	*apitest.Service
	*generator
	t          *testing.T
	identities []*contractCaller
	strangers  []*contractCaller // who are not members of anything
	gentle     int               // requests until accounts may end
	statuses   map[int]int
	odd        map[string]int
	covered    map[string]map[int]int // operation -> status -> answers
	faults     int
	sent       int
	apart      int // answers of operations that need what is not here
	// audited is what the audit log must hold, by request id.
	audited map[string]string
}

// TestContractCampaign: 2,000 requests; 20,000 with SIGNALCRAFT_CAMPAIGN=long. SIGNALCRAFT_SEED repeats one.
func TestContractCampaign(t *testing.T) {
	t.Parallel()
	requests := 2000
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		requests = 20_000
	}
	seed := rand.Uint64()
	if text := os.Getenv("SIGNALCRAFT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SIGNALCRAFT_SEED: %v", err)
		}
	}
	db := storetest.New(t)
	c := newContractCampaign(t, apitest.Start(t, apitest.Options{URL: db.URL, API: func(c *api.Config) { c.Jobs = &batch{} }}), seed)
	// Bob is an operator too, and the cafe may have more than the free subscription allows.
	for _, sql := range []string{`update users set is_operator = true where email = 'bob@example.com'`, `update businesses set subscription_tier = 'pro'`} {
		if _, err := db.Pool(t, "").Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	(&tour{contractCampaign: c, pool: db.Pool(t, ""), at: map[string]string{}}).do()
	c.gentle = requests * 9 / 10
	for i := range requests {
		// Every operation gets its turn, in another order each time.
		if i%len(c.operations) == 0 {
			c.random.Shuffle(len(c.operations), func(a, b int) { c.operations[a], c.operations[b] = c.operations[b], c.operations[a] })
		}
		c.one(c.operations[i%len(c.operations)], i)
		c.Clock.Advance(time.Second)
		if c.faults > 20 {
			t.Fatalf("seed %d: gave up after %d requests", seed, i+1)
		}
	}
	c.auditIsWhole(db)
	c.nothingSecret(db)
	for _, o := range c.operations {
		if len(c.covered[o.id]) == 0 {
			t.Errorf("%s was never answered", o.id)
		}
	}
	t.Logf("contract campaign: seed %d, %d requests (%d of them odd) to %d operations as %d identities; %s (%d for want of what is not started here); %d operations succeeded at least once; %d faults",
		seed, c.sent, c.oddSent(), len(c.operations), len(c.identities), c.answers(), c.apart, c.succeeded(), c.faults)
	if missing := c.neverSucceeded(); len(missing) > 0 {
		t.Errorf("never succeeded: %s; the tour must show each operation once", strings.Join(missing, " "))
	}
}

func newContractCampaign(t *testing.T, s *apitest.Service, seed uint64) *contractCampaign {
	t.Helper()
	w := s.World
	c := &contractCampaign{Service: s, t: t, statuses: map[int]int{}, odd: map[string]int{}, covered: map[string]map[int]int{}, audited: map[string]string{},
		generator: &generator{contract: readContract(t, s), random: rand.New(rand.NewPCG(seed, 0)), secrets: map[string]bool{}, known: map[string][]any{}}}
	for _, b := range []apitest.Business{w.Cafe, w.Hotel} {
		c.known["business_id"] = append(c.known["business_id"], b.ID.String())
		c.known["id"] = append(c.known["id"], b.ID.String(), b.ID.String())
		for _, kpi := range b.KPIs {
			c.known["kpi_id"] = append(c.known["kpi_id"], kpi.String())
		}
	}
	c.known["time_zone"] = []any{"Europe/Berlin", "Asia/Kolkata", "Mars/Base"}
	for _, u := range []apitest.User{w.Ada, w.Vic, w.Bob, w.Nobody} {
		c.known["email"] = append(c.known["email"], u.Email)
		c.secrets[u.Password] = true
		who := &contractCaller{name: u.Name, user: &u}
		switch u.ID {
		case w.Ada.ID, w.Vic.ID:
			who.business = w.Cafe.ID.String()
		case w.Bob.ID:
			who.business = w.Hotel.ID.String()
		}
		c.identities = append(c.identities, who)
	}
	c.known["password"] = []any{w.Ada.Password, w.Vic.Password}
	c.strangers = []*contractCaller{{name: "stranger"}, {name: "forger", token: "eyJhbGciOiJub25lIn0.e30."}}
	c.identities = append(c.identities, c.identities[0], c.identities[0], c.identities[2], c.identities[2]) // owners, more often
	c.identities = append(c.identities, c.strangers...)
	return c
}

// needBatch are operations that ask the warehouse, which package api does not hold: without it they answer 503. The campaign of the whole
// installation, which has one, is in cmd/signalcraft.
var needBatch = []string{"createUpload", "commitUpload", "testSource", "runSource", "pushData"}

// sameAnswer are operations that answer alike whether there is such an account or not; only the audit log tells.
var sameAnswer = []string{"register", "resetPassword", "resendVerification"}

// ending are operations that end an account or a business, or lock its owner out. Until the last of the campaign, only those
// try them who cannot.
var ending = []string{"deleteUser", "deleteBusiness", "changePassword", "adminUpdateUser", "removeMember", "changeMember"}

func (c *contractCampaign) one(o *contractOperation, i int) {
	who := pickOne(c.generator, c.identities)
	if slices.Contains(ending, o.id) && i < c.gentle {
		who = c.strangers[i%len(c.strangers)]
	}
	if who.user != nil && who.token == "" {
		c.signIn(who)
	}
	c.own = who.business
	answer := c.send(c.request(o), who, fmt.Sprintf("campaign-%d", i))
	if answer.Status == http.StatusUnauthorized && who.user != nil {
		who.token = "" // its session ended: by time, or by what the campaign did
	}
}

// send sends a request, judges the answer, notes what the audit log must hold of it, and learns from it.
func (c *contractCampaign) send(r *oddRequest, who *contractCaller, id string) apitest.Answer {
	o := r.operation
	answer, err := c.ask(r, who, id)
	if err != nil {
		c.fault(r, who, answer, err)
		return answer
	}
	c.sent++
	c.statuses[answer.Status]++
	c.odd[r.what]++
	if r.what == "method" {
		err = c.judgeMethod(r, answer)
	} else {
		if answer.Status == http.StatusServiceUnavailable && slices.Contains(needBatch, o.id) {
			c.apart++
			c.audited[id] = "any"
			return answer
		}
		err = c.judge(o, r.method, answer)
		if c.covered[o.id] == nil {
			c.covered[o.id] = map[int]int{}
		}
		c.covered[o.id][answer.Status]++
	}
	if err != nil {
		c.fault(r, who, answer, err)
	}
	c.expect(o, r, answer, id)
	var value any
	if json.Unmarshal(answer.Body, &value) == nil && answer.Status < 300 {
		c.learn(o, "", value)
	}
	return answer
}

// signIn gets a new token. A user whom the campaign has deleted or whose password it has changed is from then on one of those
// whom nobody knows.
func (c *contractCampaign) signIn(who *contractCaller) {
	answer := c.Request(c.t, http.MethodPost, "/auth/login", credentials(who.user.Email, who.user.Password))
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if answer.Status == http.StatusOK && json.Unmarshal(answer.Body, &body) == nil && body.AccessToken != "" {
		who.token = body.AccessToken
		c.secrets[body.AccessToken] = true
		return
	}
	who.token = "gone"
	who.user = nil
}

// ask sends r. Streams are not read to their end, since they have none.
func (c *contractCampaign) ask(r *oddRequest, who *contractCaller, id string) (apitest.Answer, error) {
	sent, err := http.NewRequestWithContext(c.t.Context(), r.method, c.URL+r.target, bytes.NewReader(r.body))
	if err != nil {
		return apitest.Answer{}, err
	}
	sent.Header.Set("X-Request-Id", id)
	if who.token != "" {
		sent.Header.Set("Authorization", "Bearer "+who.token)
	}
	for _, h := range r.headers {
		sent.Header.Set(h[0], h[1])
	}
	if r.what != "headers" {
		sent.Header.Set("X-Request-Id", id)
	}
	answer, err := http.DefaultTransport.RoundTrip(sent)
	if err != nil {
		return apitest.Answer{}, err
	}
	defer answer.Body.Close()
	out := apitest.Answer{Status: answer.StatusCode, Header: answer.Header}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") || answer.StatusCode == http.StatusSwitchingProtocols {
		return out, nil
	}
	out.Body, err = io.ReadAll(answer.Body)
	return out, err
}

// judgeMethod judges the answer to a method that the address may not take.
func (c *contractCampaign) judgeMethod(r *oddRequest, a apitest.Answer) error {
	for _, o := range c.operations {
		if o.path == r.operation.path && (o.method == r.method || o.method == http.MethodGet && r.method == http.MethodHead) {
			return c.judge(o, r.method, a)
		}
	}
	if r.method == http.MethodOptions {
		if a.Status != http.StatusNoContent || a.Header.Get("Allow") == "" {
			return fmt.Errorf("OPTIONS is answered with %d, Allow %q", a.Status, a.Header.Get("Allow"))
		}
		return nil
	}
	if a.Status != http.StatusMethodNotAllowed && a.Status != http.StatusNotFound {
		return fmt.Errorf("a method that is not served is answered with %d", a.Status)
	}
	if r.method == http.MethodHead {
		return nil
	}
	return envelopeOf(a, a.Header.Get("X-Request-Id"))
}

func (c *contractCampaign) fault(r *oddRequest, who *contractCaller, a apitest.Answer, err error) {
	c.t.Helper()
	c.faults++
	c.t.Errorf("%s as %s (%s): %s %.200s %.300q\nbody %.600q\n%v\nanswer %d %.600s", r.operation.id, who.name, r.what, r.method, r.target, fmt.Sprint(r.headers), r.body, err, a.Status, a.Body)
}

// expect notes what the audit log must hold of an answer: one entry for each change, and one for each attempt that was
// refused or failed, unless it was not even understood.
func (c *contractCampaign) expect(o *contractOperation, r *oddRequest, a apitest.Answer, id string) {
	if r.what == "method" || r.what == "path" {
		c.audited[id] = "any" // it may be another operation, or none
		return
	}
	if a.Header.Get("X-Request-Id") != id || a.Header.Get("Idempotency-Replayed") != "" {
		return
	}
	var e apitest.Envelope
	_ = json.Unmarshal(a.Body, &e) // what is no envelope has no code
	reads := o.method == http.MethodGet || o.id == "queryDashboardMetrics"
	denied := slices.Contains([]int{401, 403, 404}, a.Status)
	switch {
	case reads && a.Status != http.StatusForbidden:
	case a.Status < 300:
		c.audited[id] = "done"
	case denied:
		c.audited[id] = "denied"
	case slices.Contains([]int{408, 413, 415, 429}, a.Status), e.Error.Code == "VALIDATION_ERROR", strings.HasPrefix(e.Error.Code, "IDEMPOTENCY_"):
	default:
		c.audited[id] = "failed"
	}
}

// auditIsWhole compares the audit log with what was answered, and verifies its chains.
func (c *contractCampaign) auditIsWhole(db *storetest.DB) {
	rows, err := db.Pool(c.t, "").Query(c.t.Context(), `select request_id, string_agg(outcome, ' '), max(action) from audit_log where request_id like 'campaign-%' group by 1`)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	found, actions := map[string]string{}, map[string]string{}
	for rows.Next() {
		var id, outcome, action string
		if err := rows.Scan(&id, &outcome, &action); err != nil {
			c.t.Fatal(err)
		}
		found[id], actions[id] = outcome, action
	}
	wrong := 0
	for _, id := range slices.Sorted(maps.Keys(c.audited)) {
		if found[id] == "denied" && slices.Contains(sameAnswer, actions[id]) {
			delete(found, id)
			continue
		}
		unmatched := strings.Contains(c.lineOf(id), `"route":"unmatched"`) // the path named no operation
		if found[id] != c.audited[id] && c.audited[id] != "any" && !unmatched {
			if wrong++; wrong <= 10 {
				c.t.Errorf("audit log of request %s (%s): %q, want one entry %q\n%s", id, actions[id], found[id], c.audited[id], c.lineOf(id))
			}
		}
		delete(found, id)
	}
	for id, outcome := range found {
		if outcome == "done" && strings.Contains(c.lineOf(id), `"method":"GET"`) {
			continue // reading may be audited too
		}
		if wrong++; wrong <= 10 {
			c.t.Errorf("audit log of request %s: %q (%s), want nothing\n%s", id, outcome, actions[id], c.lineOf(id))
		}
	}
	var broken int
	if err := db.Pool(c.t, "").QueryRow(c.t.Context(), `select count(*) from verify_audit()`).Scan(&broken); err != nil || broken > 0 {
		c.t.Errorf("the audit log has %d faults, %v; want 0", broken, err)
	}
	c.t.Logf("contract campaign: audit log held against %d requests, %d not as they should be, %d faults in its chains", len(c.audited), wrong, broken)
}

func (c *contractCampaign) lineOf(id string) string {
	for line := range strings.Lines(c.Log.String()) {
		if strings.Contains(line, `"request":"`+id+`"`) {
			return line
		}
	}
	return ""
}

// nothingSecret searches the log and the audit log for every secret that was sent or received.
func (c *contractCampaign) nothingSecret(db *storetest.DB) {
	text := c.Log.String()
	var audit string
	if err := db.Pool(c.t, "").QueryRow(c.t.Context(), `select coalesce(string_agg(a::text, E'\n'), '') from audit_log a`).Scan(&audit); err != nil {
		c.t.Fatal(err)
	}
	leaks := 0
	for secret := range c.secrets {
		if strings.Contains(text, secret) {
			leaks++
			c.t.Errorf("the log holds the secret %.12q...", secret)
		}
		if strings.Contains(audit, secret) {
			leaks++
			c.t.Errorf("the audit log holds the secret %.12q...", secret)
		}
	}
	c.t.Logf("contract campaign: %d secrets looked for in %d bytes of log and %d of audit log, %d found", len(c.secrets), len(text), len(audit), leaks)
}

// answers counts them by status.
func (c *contractCampaign) answers() string {
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(c.statuses)) {
		counts = append(counts, fmt.Sprintf("%d x %d", c.statuses[status], status))
	}
	return strings.Join(counts, ", ")
}

func (c *contractCampaign) oddSent() int { return c.sent - c.odd[""] }

func (c *contractCampaign) succeeded() int { return len(c.operations) - len(c.neverSucceeded()) }

func (c *contractCampaign) neverSucceeded() []string {
	var names []string
	for _, o := range c.operations {
		done := 0
		for status, n := range c.covered[o.id] {
			if status < 300 {
				done += n
			}
		}
		if done == 0 {
			names = append(names, o.id)
		}
	}
	slices.Sort(names)
	return names
}
