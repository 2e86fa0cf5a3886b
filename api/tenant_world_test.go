package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
)

// tenantCampaign is a service with two tenants and everybody who might ask it something.
type tenantCampaign struct {
	*scene
	random      *rand.Rand
	own, victim *tenant
	identities  []*identity
	tally       tenantTally
	count       int
}

// tenant is a business of which nothing may be seen from outside.
type tenant struct {
	name, id string
	owner    string
	// kpi, source and the rest of what never changes in it.
	ids map[string]string
	// numbers and people are texts that stand in what it measures and in the accounts of its members, and nowhere else.
	numbers, people []string
}

// identity is somebody who asks.
type identity struct {
	name, token string
	user        string // empty when nobody is signed in
	role        string // in the own tenant; empty for none
	scope       string // of an API key; empty for an access token
	operator    bool
	stale       bool // proved long ago who they are
	roles       bool // is a member of the own tenant
}

// What a request is about.
type about int

const (
	ownTenant about = iota
	otherTenant
	absentTenant
	otherWithin  // the own tenant, and in it an id of the other
	absentWithin // the own tenant, and in it an absent id
)

func newTenantCampaign(t *testing.T, r *rand.Rand) *tenantCampaign {
	t.Helper()
	c := &tenantCampaign{scene: newScene(t, apitest.Options{
		API: func(c *api.Config) { c.Jobs = &batch{} },
	}), random: r}
	c.exec(`update users set email_verified_at = now()`)
	c.own, c.victim = c.tenant("own"), c.tenant("victim")
	stale := &identity{name: "owner proved long ago", role: "owner", roles: true, stale: true}
	c.signIn(stale)
	c.Clock.Advance(provedAgo)
	c.identities = []*identity{
		{name: "nobody"},
		{name: "garbage", token: "eyJhbGciOiJFZERTQSJ9.e30.c2ln"},
		{name: "stranger"},
		{name: "viewer", role: "viewer", roles: true},
		{name: "analyst", role: "analyst", roles: true},
		{name: "admin", role: "admin", roles: true},
		{name: "owner", role: "owner", roles: true},
		{name: "owner of another", user: c.tenant("neighbour").owner},
		{name: "operator", operator: true},
	}
	for _, who := range c.identities[2:] {
		c.signIn(who)
	}
	c.identities = append(c.identities, stale)
	for _, scope := range c.scopes() {
		c.identities = append(c.identities, &identity{name: "key to " + scope, token: c.key(c.identity("owner").user, scope), user: c.identity("owner").user, role: "owner", roles: true, scope: scope})
	}
	return c
}

// scopes are those of API keys, once there are any.
func (c *tenantCampaign) scopes() []string {
	if c.value(`select to_regclass('api_keys')`) == "" {
		return nil
	}
	return []string{"read", "write", "sources"}
}

// key makes an API key of a user for the own tenant.
func (c *tenantCampaign) key(user, scope string) string {
	id, secret := uuid.New(), make([]byte, 32)
	for i := range secret {
		secret[i] = byte(c.random.UintN(256))
	}
	raw := "sck_" + hex.EncodeToString(id[:]) + "_" + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(raw))
	c.exec(`insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, created_at, expires_at) values ($1, $2, $3, 'key', $4, array[$5], $6, $6::timestamptz + interval '30 days')`,
		c.own.id, id, user, hash[:], scope, c.Clock.Now())
	return raw
}

func (c *tenantCampaign) identity(name string) *identity {
	for _, who := range c.identities {
		if who.name == name {
			return who
		}
	}
	c.t.Fatalf("no identity %s", name)
	return nil
}

// signIn makes the account that an identity lacks and signs it in.
func (c *tenantCampaign) signIn(who *identity) {
	c.t.Helper()
	if who.user == "" {
		who.user = c.person("person", who.operator)
		if who.role != "" {
			c.join(c.own.id, who.user, who.role)
			c.own.people = append(c.own.people, who.user)
		}
	}
	email := c.value(`select email from users where id = $1`, who.user)
	who.token = c.Login(c.t, apitest.User{Email: email, Password: c.World.Ada.Password})
}

// fresh returns a new person like who, signed in, for what ends an account or its sessions.
func (c *tenantCampaign) fresh(who *identity) *identity {
	if who.user == "" || who.scope != "" || who.stale {
		return who
	}
	clone := *who
	clone.user = ""
	if who.name == "owner of another" {
		clone.user = c.person("person", false)
	}
	c.signIn(&clone)
	return &clone
}

// person adds an account with a known password, and marks it.
func (c *tenantCampaign) person(name string, operator bool) string {
	id := uuid.NewString()
	c.count++
	c.exec(`insert into users (id, email, password_hash, full_name, is_operator, email_verified_at) select $1, $2, password_hash, $3, $4, now() from users where id = $5`,
		id, fmt.Sprintf("%s%d@people.example", name, c.count), fmt.Sprintf("%s %d", name, c.count), operator, c.World.Ada.ID)
	return id
}

func (c *tenantCampaign) join(business, user, role string) {
	c.exec(`insert into memberships (business_id, user_id, role) values ($1, $2, $3)`, business, user, role)
}

// tenant adds a business with an owner and a row of everything, each marked.
func (c *tenantCampaign) tenant(name string) *tenant {
	mark := fmt.Sprintf("%s%08x", name, c.random.Uint32())
	value := fmt.Sprintf("%d", 10_000_000+c.random.IntN(80_000_000))
	b := &tenant{name: name, id: uuid.NewString(), owner: c.person("boss"+mark, false), ids: map[string]string{}}
	b.numbers, b.people = []string{mark + "-b", mark + "-k", mark + "-s", mark + "-a", mark + "-n", value}, []string{"boss" + mark}
	c.exec(`insert into businesses (id, name, time_zone, currency, country, subscription_tier) values ($1, $2, 'Europe/Berlin', 'EUR', 'DE', 'pro')`, b.id, mark+"-b")
	c.join(b.id, b.owner, "owner")
	for kind, make := range objects() {
		if kind != "business" && make.of == "tenant" {
			b.ids[kind] = make.new(c, b, b.owner)
		}
	}
	c.exec(`update kpis set name = $2 || id where business_id = $1`, b.id, mark+"-k")
	c.exec(`update kpi_sources set name = $2 || id where business_id = $1`, b.id, mark+"-s")
	c.exec(`update alerts set name = $2 || id where business_id = $1`, b.id, mark+"-a")
	b.ids["business"] = b.id
	c.publish(b, mark, value)
	for kind, id := range b.ids {
		if kind == "member" {
			b.people = append(b.people, id)
			continue
		}
		if kind != "business" { // operators read that in the audit log
			b.numbers = append(b.numbers, id)
		}
	}
	b.people = append(b.people, b.owner)
	return b
}

// publish adds published numbers.
func (c *tenantCampaign) publish(b *tenant, mark, value string) {
	c.exec(`insert into serving.kpi_data (business_id, kpi_id, day, starts_at, value, points, hours_expected, complete) select $1, $2, $3::date - n, $3::date - n, $4::float8, 1, 24, true from generate_series(0, 9) n`,
		b.id, b.ids["kpi"], apitest.LastDay, value)
	c.exec(`insert into serving.kpi_hourly (business_id, kpi_id, starts_at, day, hour, value, points) select $1, $2, $3::date + n * interval '1 hour', $3::date, n, $4::float8, 1 from generate_series(0, 9) n`,
		b.id, b.ids["kpi"], apitest.LastDay, value)
	c.exec(`insert into serving.forecasts select $1, $2, $3::date, $3::date + 1, 1, $4::float8, 1, 2, 1, 2, 'theta', $3::date from generate_series(1, 1)`, b.id, b.ids["kpi"], apitest.NewestVintage, value)
	c.exec(`insert into serving.news_articles (business_id, url, title, seen_at, day) values ($1, 'https://news.example/' || $2, $2, $3::date, $3::date)`, b.id, mark+"-n", apitest.LastDay)
	c.exec(`insert into serving.kpi_anomalies (business_id, kpi_id, grain, starts_at, day, value) values ($1, $2, 'day', $3::date, $3::date, $4::float8)`, b.id, b.ids["kpi"], apitest.LastDay, value)
	c.exec(`insert into serving.kpi_trends (business_id, kpi_id, day, value) values ($1, $2, $3::date, $4::float8)`, b.id, b.ids["kpi"], apitest.LastDay, value)
	c.exec(`insert into serving.weather_data (business_id, day, location_id, kind, temperature_max) values ($1, $2::date, $3, 'archive', $4::float8)`, b.id, apitest.LastDay, mark+"-n", value)
	c.exec(`insert into notifications (business_id, id, kind, title) values ($1, gen_random_uuid(), 'alert', $2)`, b.id, mark+"-n")
}

// object says how something that requests name is made, and whose it is: a tenant's, the caller's, or the installation's.
type object struct {
	of  string
	new func(c *tenantCampaign, b *tenant, user string) string
}

// objects are what requests name.
func objects() map[string]object {
	row := func(of, statement string) object {
		return object{of, func(c *tenantCampaign, b *tenant, user string) string {
			id := uuid.NewString()
			c.exec(statement, b.id, id, user)
			return id
		}}
	}
	return map[string]object{
		"business": {"tenant", func(c *tenantCampaign, b *tenant, _ string) string { return b.id }},
		"source":   row("tenant", `insert into kpi_sources (business_id, id, name, kind) select $1, $2::uuid, $2::uuid::text, 'push' where $3::uuid is not null`),
		"kpi": {"tenant", func(c *tenantCampaign, b *tenant, user string) string {
			source, id := objects()["source"].new(c, b, user), uuid.NewString()
			c.exec(`insert into kpis (business_id, id, source_id, name) values ($1, $2::uuid, $3, $2::uuid::text)`, b.id, id, source)
			return id
		}},
		"day":        row("tenant", `insert into calendar_entries (business_id, id, kind, name, first_day, last_day) select $1, $2::uuid, 'event', $2::uuid::text, '2026-03-29', '2026-03-30' where $3::uuid is not null`),
		"alert":      row("tenant", `insert into alerts (business_id, id, name, condition) select $1, $2::uuid, $2::uuid::text, 'anomaly' where $3::uuid is not null`),
		"invitation": row("tenant", `insert into invitations (business_id, id, email, role, token_hash, invited_by, created_at, expires_at) values ($1, $2::uuid, $2::uuid::text || '@invited.example', 'viewer', 'x', $3, now(), now() + interval '30 days')`),
		"member": {"tenant", func(c *tenantCampaign, b *tenant, _ string) string {
			user := c.person("member", false)
			c.join(b.id, user, "viewer")
			return user
		}},
		"session":      row("caller", `insert into user_sessions (id, user_id, expires_at, ends_at) select $2, $3, '2100-01-01', '2100-01-01' where $1::uuid is not null`),
		"notification": row("caller", `insert into notifications (business_id, id, user_id, kind, title) values ($1, $2, $3, 'alert', 'title')`),
		"upload": row("tenant", `insert into uploads (business_id, id, name, content, size_bytes, status, spec, preview)
			select $1, $2::uuid, 'till.csv', encode(sha256($2::uuid::text::bytea), 'hex'), 1, 'failed', '{}', '{}' where $3::uuid is not null`),
		"key":    row("caller", `insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, created_at, expires_at) values ($1, $2, $3, 'key', 'x', '{read}', now(), now() + interval '1 day')`),
		"job":    {"installation", func(*tenantCampaign, *tenant, string) string { return "nightly" }},
		"person": {"installation", func(c *tenantCampaign, _ *tenant, _ string) string { return c.person("somebody", false) }},
		"sign-in": {"installation", func(c *tenantCampaign, b *tenant, _ string) string {
			return objects()["session"].new(c, b, c.person("somebody", false))
		}},
	}
}

// names are the ids that a request is to hold, by kind.
type names struct {
	c      *tenantCampaign
	b      *tenant
	caller *identity
	about  about
	used   *bool // whether an id was asked for; may be nil
}

// id returns an id of something: made for this request when it is the caller's or the own tenant's, one of the other
// tenant's, or none that exists.
func (n names) id(kind string) string {
	made := objects()[kind]
	if n.used != nil {
		*n.used = true
	}
	switch {
	case n.about == absentTenant:
		return uuid.NewString()
	case n.about == otherTenant && made.of == "tenant":
		return n.c.victim.ids[kind]
	case n.about == otherTenant && made.of == "caller":
		return made.new(n.c, n.c.victim, n.c.victim.owner)
	case n.about == otherTenant:
		return uuid.NewString()
	case made.of == "caller" && n.caller.user == "":
		return uuid.NewString()
	case made.of == "caller" && kind != "session" && n.caller.role == "":
		return uuid.NewString()
	}
	user := n.caller.user
	if user == "" {
		user = n.c.own.owner
	}
	return made.new(n.c, n.b, user)
}

// inner returns the id of something within the business of the request.
func (n names) inner(kind string) string {
	switch n.about {
	case otherWithin:
		return n.c.victim.ids[kind]
	case absentWithin:
		return uuid.NewString()
	}
	return n.id(kind)
}

// send sends an operation as an identity.
func (c *tenantCampaign) send(op operation, request sample, who *identity, what about) answer {
	c.t.Helper()
	if request.fresh {
		who = c.fresh(who)
	}
	b := c.own
	if request.consumes && what == ownTenant && who.user != "" {
		b = c.disposable(who)
	}
	n := names{c, b, who, what, nil}
	path := op.path
	if request.target != "" {
		path = strings.ReplaceAll(path, "{id}", n.id(request.target))
	}
	if request.second != "" {
		start, end := strings.LastIndex(path, "{"), strings.LastIndex(path, "}")
		path = path[:start] + n.inner(request.second) + path[end+1:]
	}
	if request.query != nil {
		path += "?" + request.query(n)
	}
	var body any
	if request.body != nil {
		body = request.body(n)
	}
	return c.do(op.method, path, body, who.token, request)
}

// disposable is a business like the own one, of which the identity has the same role.
func (c *tenantCampaign) disposable(who *identity) *tenant {
	b := &tenant{id: uuid.NewString(), ids: map[string]string{}}
	c.exec(`insert into businesses (id, name, time_zone, currency, country) values ($1, 'disposable', 'UTC', 'EUR', 'DE')`, b.id)
	if who.role != "" {
		c.join(b.id, who.user, who.role)
	}
	c.join(b.id, c.person("boss", false), "owner")
	return b
}

// do sends a request under a request id that is always the same, so that answers can be compared.
func (c *tenantCampaign) do(method, path string, body any, token string, request sample) answer {
	c.t.Helper()
	var reader io.Reader
	kind := request.contentType
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.URL+path, reader)
	if err != nil {
		return answer{status: http.StatusBadRequest} // no client can send that
	}
	if kind == "" {
		kind = "application/json"
	}
	if reader != nil {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("X-Request-Id", "campaign")
	for key, value := range request.header {
		r.Header.Set(key, value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	got := answer{status: response.StatusCode, header: response.Header}
	if request.stream && got.status < 400 {
		return got // it does not end
	}
	if got.body, err = io.ReadAll(response.Body); err != nil {
		c.t.Fatalf("%s %s: read answer: %v", method, path, err)
	}
	return got
}
