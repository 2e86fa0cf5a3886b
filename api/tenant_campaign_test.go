package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// The campaign of tenants: every operation of the document x identities x what is the caller's, another tenant's and absent.
// Who may do what is read from x-access of the document, which is accessOf. An operation without a request in
// requestOf fails the campaign. SIGNALCRAFT_CAMPAIGN=long runs more worlds and more wild ids.

var tenantSeed = flag.Uint64("tenant-seed", 0, "seed of the random campaigns; 0 takes a new one")

func TestTenantCampaign(t *testing.T) {
	t.Parallel()
	seed := *tenantSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	worlds, wild := 1, 2
	if os.Getenv("SIGNALCRAFT_CAMPAIGN") == "long" {
		worlds, wild = 5, 60
	}
	t.Logf("tenant campaign: seed %d; repeat with -tenant-seed", seed)
	total := tenantTally{}
	for n := range worlds {
		c := newTenantCampaign(t, rand.New(rand.NewPCG(seed, uint64(n))))
		c.run(wild)
		total.add(c.tally)
	}
	t.Logf("tenant campaign: %s", total)
}

// tally counts what a campaign did.
type tenantTally struct {
	operations                                                        map[string]bool
	requests, allowed, refused, compared, wild, leaks, wrong, crashes int
}

func (s *tenantTally) add(o tenantTally) {
	if s.operations == nil {
		s.operations = map[string]bool{}
	}
	maps.Copy(s.operations, o.operations)
	s.requests += o.requests
	s.allowed += o.allowed
	s.refused += o.refused
	s.compared += o.compared
	s.wild += o.wild
	s.leaks += o.leaks
	s.wrong += o.wrong
	s.crashes += o.crashes
}

// String returns the figures.
func (s tenantTally) String() string {
	return fmt.Sprintf("%d operations, %d requests: %d allowed, %d refused, %d with wild ids, %d pairs about what is another's and what is absent; %d leaks, %d wrong decisions, %d answers of 5xx",
		len(s.operations), s.requests, s.allowed, s.refused, s.wild, s.compared, s.leaks, s.wrong, s.crashes)
}

// operation is what the document says of one.
type operation struct {
	id, method, path string
	Access           struct {
		Who, Role, Scope string
		RecentProof      bool `json:"recent_proof"`
	}
}

// operations reads the document.
func (c *tenantCampaign) operations() []operation {
	c.t.Helper()
	var d struct {
		Paths map[string]map[string]struct {
			OperationID string          `json:"operationId"`
			Access      json.RawMessage `json:"x-access"`
		}
	}
	c.Get(c.t, "/openapi.json", "").Decode(c.t, http.StatusOK, &d)
	var found []operation
	for path, item := range d.Paths {
		for method, o := range item {
			op := operation{id: o.OperationID, method: strings.ToUpper(method), path: path}
			if err := json.Unmarshal(o.Access, &op.Access); err != nil || op.Access.Who == "" {
				c.t.Errorf("%s has no x-access: %s", o.OperationID, o.Access)
				continue
			}
			found = append(found, op)
		}
	}
	// By name, and what takes its world with it last.
	slices.SortFunc(found, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	return found
}

func (c *tenantCampaign) run(wild int) {
	before := c.victimState()
	requests := requestOf()
	for _, op := range c.operations() {
		request, ok := requests[op.id]
		if !ok {
			c.t.Errorf("operation %s (%s %s) has no request in requestOf (api/tenant_requests_test.go): say there what to send, so that the campaign covers it", op.id, op.method, op.path)
			continue
		}
		if c.tally.operations == nil {
			c.tally.operations = map[string]bool{}
		}
		c.tally.operations[op.id] = true
		for _, who := range c.identities {
			c.check(op, request, who)
		}
		c.wildIDs(op, request, wild)
	}
	if after := c.victimState(); after != before {
		c.t.Errorf("what belongs to the other tenant changed:\n%s", firstDifference(before, after))
	}
}

// check sends an operation as one identity about the own tenant, the other and an absent one.
func (c *tenantCampaign) check(op operation, request sample, who *identity) {
	if request.fresh && who.stale && !op.Access.RecentProof {
		return // it is the only one whose proof is old, and must keep its password and sessions
	}
	own := c.send(op, request, who, ownTenant)
	c.judge(op, request, who, own, c.expect(op, request, who))
	if !request.names(c) || op.Access.Who == "anyone" && !request.alike {
		return
	}
	other, absent := c.send(op, request, who, otherTenant), c.send(op, request, who, absentTenant)
	c.judgeForeign(op, request, who, other, absent)
	if request.second == "" {
		return
	}
	// The own tenant in the path, and in it something of the other.
	other, absent = c.send(op, request, who, otherWithin), c.send(op, request, who, absentWithin)
	c.judgeForeign(op, request, who, other, absent)
}

// judge compares an answer with what the table says. An empty code means that the identity may.
func (c *tenantCampaign) judge(op operation, request sample, who *identity, got answer, want verdict) {
	c.leaks(op, who, got)
	switch {
	case want.status == 0 && !slices.Contains(request.want, got.status):
		c.tally.wrong++
		c.t.Errorf("%s as %s: %d, want one of %v, since the table allows it: %s", op.id, who.name, got.status, request.want, got.body)
	case want.status != 0 && (got.status != want.status || got.code() != want.code):
		c.tally.wrong++
		c.t.Errorf("%s as %s: %d %s, want %d %s: %s", op.id, who.name, got.status, got.code(), want.status, want.code, got.body)
	case want.status == 0:
		c.tally.allowed++
	default:
		c.tally.refused++
	}
}

// judgeForeign wants the answers about what is another's and what is nowhere to be the same bytes, and no success.
func (c *tenantCampaign) judgeForeign(op operation, request sample, who *identity, other, absent answer) {
	c.leaks(op, who, other)
	c.leaks(op, who, absent)
	c.tally.compared++
	if other.status != absent.status || !bytes.Equal(other.body, absent.body) {
		c.tally.leaks++
		c.t.Errorf("%s as %s: another's and an absent one can be told apart:\n%d %s\n%d %s", op.id, who.name, other.status, other.body, absent.status, absent.body)
	}
	if other.status < 400 {
		c.tally.wrong++
		c.t.Errorf("%s as %s about the other tenant: %d %s", op.id, who.name, other.status, other.body)
		return
	}
	if op.Access.Who == "anyone" {
		return
	}
	want := c.expect(op, request, who)
	if want.status == 0 || want.code == "FORBIDDEN" && op.Access.Who == "member" {
		want = verdict{http.StatusNotFound, "NOT_FOUND"}
	}
	if request.second != "" && who.roles && want.status == http.StatusNotFound {
		return // within the own tenant the role may decide first
	}
	if other.status != want.status || other.code() != want.code {
		c.tally.wrong++
		c.t.Errorf("%s as %s about the other tenant: %d %s, want %d %s: %s", op.id, who.name, other.status, other.code(), want.status, want.code, other.body)
	}
}

// verdict is the status and code that refuse an identity; zero when it may.
type verdict struct {
	status int
	code   string
}

// expect is what the table says of an identity and its own tenant.
func (c *tenantCampaign) expect(op operation, request sample, who *identity) verdict {
	rule := op.Access
	switch {
	case rule.Who == "anyone":
		return verdict{}
	case who.token == "":
		return verdict{http.StatusUnauthorized, "AUTHENTICATION_REQUIRED"}
	case who.user == "":
		return verdict{http.StatusUnauthorized, "INVALID_TOKEN"}
	case who.scope != "" && who.scope != rule.Scope:
		return verdict{http.StatusForbidden, "INSUFFICIENT_SCOPE"}
	case rule.Who == "operator" && !who.operator:
		return verdict{http.StatusForbidden, "FORBIDDEN"}
	case rule.RecentProof && who.stale:
		return verdict{http.StatusForbidden, "PROOF_REQUIRED"}
	case rule.Who == "member" && who.role == "":
		return verdict{http.StatusNotFound, "NOT_FOUND"}
	case rule.Who == "member" && rank(who.role) < rank(rule.Role):
		return verdict{http.StatusForbidden, "FORBIDDEN"}
	case rule.Who == "account" && request.needsMember && who.role == "":
		return verdict{http.StatusNotFound, "NOT_FOUND"}
	case request.least != "" && rank(who.role) < rank(request.least):
		return verdict{http.StatusForbidden, "FORBIDDEN"}
	}
	return verdict{}
}

func rank(role string) int {
	return slices.Index([]string{"viewer", "analyst", "admin", "owner"}, role)
}

// leaks looks for what belongs to tenants that the identity is no member of.
func (c *tenantCampaign) leaks(op operation, who *identity, got answer) {
	c.tally.requests++
	if got.status >= 500 {
		c.tally.crashes++
		c.t.Errorf("%s as %s: %d %s", op.id, who.name, got.status, got.body)
	}
	text := string(got.body) + fmt.Sprint(got.header)
	for _, tenant := range []*tenant{c.own, c.victim} {
		secret := tenant.numbers
		if !who.operator { // who sees accounts, but no numbers
			secret = append(slices.Clone(secret), tenant.people...)
		}
		if tenant == c.own && who.role != "" {
			continue
		}
		for _, s := range secret {
			if strings.Contains(text, s) {
				c.tally.leaks++
				c.t.Errorf("%s as %s: the answer holds %q of %s: %s", op.id, who.name, s, tenant.name, got.body)
			}
		}
	}
}

// wildIDs puts what is no id, or somebody's in disguise, where ids go.
func (c *tenantCampaign) wildIDs(op operation, request sample, count int) {
	if !strings.Contains(op.path, "{") {
		return
	}
	owner := c.identity("owner")
	for range count {
		value := wildValue(c.random, c.victim.id)
		path := op.path
		for _, parameter := range []string{"{id}", "{user_id}", "{kpi_id}", "{invitation_id}"} {
			path = strings.ReplaceAll(path, parameter, value)
		}
		got := c.do(op.method, path, request.wildBody(c), owner.token, request)
		c.tally.wild++
		c.leaks(op, owner, got)
		if got.status < 400 && op.Access.Who != "operator" && op.Access.Who != "anyone" {
			c.tally.wrong++
			c.t.Errorf("%s with %q as id: %d %s", op.id, value, got.status, got.body)
		}
	}
}

// wildValue is one path segment, escaped.
func wildValue(r *rand.Rand, victim string) string {
	values := []string{
		strings.ToUpper(victim), "%7B" + victim + "%7D", "urn:uuid:" + victim, strings.ReplaceAll(victim, "-", ""), victim + "%00", victim + "%20",
		"'%20or%20'1'='1", "1;drop%20table%20users--", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "%0d%0aSet-Cookie:%20a=b", "null", "undefined", "NaN", "-1", "0",
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "*", "%25", "_", "%F0%9F%92%A9", "%C3%28", "$%7Bjndi:ldap:%2f%2fx%7D",
		"%7B%22$ne%22:null%7D", strings.Repeat("a", 4000), victim + "," + victim, "(select%20id%20from%20businesses)", "%E2%80%AE" + victim,
	}
	if n := r.IntN(2 * len(values)); n < len(values) {
		return values[n]
	}
	random := make([]byte, 1+r.IntN(40))
	for i := range random {
		random[i] = byte(r.UintN(256))
	}
	var escaped strings.Builder
	for _, b := range random {
		fmt.Fprintf(&escaped, "%%%02X", b)
	}
	return escaped.String()
}

// victimState is everything in the database that belongs to the other tenant.
func (c *tenantCampaign) victimState() string {
	c.t.Helper()
	tables := strings.Fields(c.value(`select string_agg(n.nspname || '.' || c.relname, ' ' order by 1) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		join pg_attribute a on a.attrelid = c.oid and a.attname = 'business_id' where n.nspname in ('public', 'serving') and c.relkind in ('r', 'p')
		and c.relname not in ('audit_log', 'api_keys', 'notifications')`)) // attempts are logged, keys note their use, and requests for notifications make them; who read them is compared
	var state strings.Builder
	for _, table := range append(tables, "public.businesses") {
		column := "business_id"
		if table == "public.businesses" {
			column = "id"
		}
		fmt.Fprintf(&state, "%s %s\n", table, c.value(`select coalesce(string_agg(to_jsonb(r)::text, ' ' order by to_jsonb(r)::text), '') from `+table+` as r where `+column+` = $1`, c.victim.id))
	}
	return state.String()
}

func firstDifference(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range a {
		if i < len(b) && a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return "one has more lines"
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) code() string {
	var e apitest.Envelope
	_ = json.Unmarshal(a.body, &e) // without an envelope there is no code
	return e.Error.Code
}

// provedAgo is how long ago the identity proved itself whose proof is too old.
const provedAgo = 11 * time.Minute
