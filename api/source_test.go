package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

type sourceShown struct {
	ID       string
	Name     string
	Kind     string
	Active   bool
	Schedule string
	NextDue  *time.Time `json:"next_due_at"`
	HTTP     *struct {
		URL     string
		Headers []struct {
			Name  string
			Value string
			Set   bool
		}
	}
	Database *struct {
		Host        string
		Password    string
		PasswordSet bool `json:"password_set"`
	}
	Mapping *struct{ Time []string }
	KPIs    []struct {
		ID, Name, Unit, Currency, Aggregation, Grain, Column string
		Active                                               bool
	}
	PushKey string `json:"push_key"`
}

type members = map[string]any

// sourceRoom is a service with Ada signed in, who owns the cafe.
type sourceRoom struct {
	*apitest.Service
	t    *testing.T
	pool *pgxpool.Pool // as the owner
	ada  string
}

func newSourceRoom(t *testing.T) *sourceRoom {
	t.Helper()
	db := storetest.New(t)
	s := apitest.Start(t, apitest.Options{URL: db.URL})
	return &sourceRoom{Service: s, t: t, pool: db.Pool(t, ""), ada: s.Login(t, s.World.Ada)}
}

func (r *sourceRoom) ask(token, method, path string, body any) apitest.Answer {
	r.t.Helper()
	return r.Request(r.t, method, path, body, "Authorization", "Bearer "+token)
}

// orders is a source of kind http in the cafe.
func (r *sourceRoom) orders(name string, change members) members {
	body := members{"business_id": r.World.Cafe.ID, "name": name, "kind": "http", "schedule": "30 2 * * *",
		"http":    members{"url": "https://shop.example.com/orders", "format": "json", "headers": []members{{"name": "authorization", "value": "Bearer 5up3r53cr3t"}}},
		"mapping": members{"time": []string{"day"}, "value": "value"}, "kpis": []members{{"name": name + " revenue", "currency": "EUR"}}}
	for key, value := range change {
		body[key] = value
	}
	return body
}

func (r *sourceRoom) make(body members) sourceShown {
	r.t.Helper()
	var made sourceShown
	r.ask(r.ada, "POST", "/data/sources", body).Decode(r.t, http.StatusCreated, &made)
	return made
}

// without returns a body without some members.
func without(body members, names ...string) members {
	rest := members{}
	for key, value := range body {
		if !slices.Contains(names, key) {
			rest[key] = value
		}
	}
	return rest
}

func TestSourceLifecycle(t *testing.T) {
	t.Parallel()
	r := newSourceRoom(t)
	made := r.make(r.orders("shop", nil))
	// The clock stands at 08:00 in Berlin on 2026-03-31.
	if made.NextDue == nil || made.NextDue.Format(time.RFC3339) != "2026-04-01T00:30:00Z" || made.KPIs[0].Unit != "EUR" || made.KPIs[0].Aggregation != "sum" || made.HTTP.Headers[0].Value != "" || !made.HTTP.Headers[0].Set {
		t.Errorf("made %+v, want it due tomorrow and the header set", made)
	}
	var sealed string
	if err := r.pool.QueryRow(t.Context(), "select sealed from source_secrets where name = 'header/Authorization'").Scan(&sealed); err != nil || !strings.HasPrefix(sealed, "v1.") {
		t.Errorf("sealed %q, %v; want it sealed", sealed, err)
	}
	path := "/data/sources/" + made.ID
	change := without(r.orders("shop", members{"schedule": "", "http": members{"url": "https://shop.example.com/new", "format": "json", "headers": []members{{"name": "Authorization"}}},
		"mapping": members{"time": []string{"day"}}, "kpis": []members{{"id": made.KPIs[0].ID, "name": "Turnover", "currency": "USD", "column": "a"},
			{"name": "Orders", "grain": "hour", "aggregation": "mean", "column": "b"}}}), "business_id")
	put := func() (changed sourceShown) {
		t.Helper()
		r.ask(r.ada, "PUT", path, change).Decode(t, 200, &changed)
		return changed
	}
	changed := put()
	if changed.ID != made.ID || changed.NextDue != nil || len(changed.KPIs) != 2 || changed.KPIs[1].ID != made.KPIs[0].ID || changed.KPIs[1].Name != "Turnover" || changed.KPIs[0].Grain != "hour" || !changed.HTTP.Headers[0].Set {
		t.Errorf("changed %+v, want the same KPI under a new name, another, and the header kept", changed)
	}
	var same string
	if err := r.pool.QueryRow(t.Context(), "select sealed from source_secrets where name = 'header/Authorization'").Scan(&same); err != nil || same != sealed {
		t.Errorf("after a change without the value: sealed %q, %v; want %q", same, err, sealed)
	}
	// A KPI that is left out is switched off and comes back under its id.
	change["kpis"] = []members{{"name": "Orders", "column": "a"}}
	changed = put()
	if len(changed.KPIs) != 2 || !changed.KPIs[0].Active || changed.KPIs[1].Active {
		t.Errorf("left out: %+v, want Turnover switched off", changed.KPIs)
	}
	change["kpis"] = []members{{"name": "Orders", "column": "a"}, {"name": "Turnover", "column": "b"}}
	changed = put()
	if len(changed.KPIs) != 2 || !changed.KPIs[1].Active || changed.KPIs[1].ID != made.KPIs[0].ID {
		t.Errorf("back: %+v, want Turnover with the id %s", changed.KPIs, made.KPIs[0].ID)
	}
	// A secret must be given again when it would go elsewhere.
	change["http"] = members{"url": "https://thief.example.com/new", "format": "json", "headers": []members{{"name": "Authorization"}}}
	if e := r.ask(r.ada, "PUT", path, change).WantError(t, 400, "VALIDATION_ERROR"); e.Error.Details.Field != "http.headers[0].value" {
		t.Errorf("another host with the old secret: %+v", e)
	}
	if answer := r.ask(r.ada, "POST", path+"/run", nil); answer.Status != 202 || len(r.Sources.Ran()) != 1 {
		t.Errorf("run: %d %s", answer.Status, answer.Body)
	}
	change["http"] = members{"url": "https://shop.example.com/new", "format": "json"}
	change["active"] = false
	changed = put()
	if len(changed.HTTP.Headers) != 0 || changed.Active {
		t.Errorf("without headers and off: %+v", changed)
	}
	r.ask(r.ada, "POST", path+"/run", nil).WantError(t, 409, "SOURCE_NOT_READABLE")
	var secrets int
	if err := r.pool.QueryRow(t.Context(), "select count(*) from source_secrets").Scan(&secrets); err != nil || secrets != 0 {
		t.Errorf("%d secrets left, %v; want none", secrets, err)
	}
	if answer := r.ask(r.ada, "DELETE", path, nil); answer.Status != 204 || len(answer.Body) > 0 {
		t.Errorf("delete: %d %s", answer.Status, answer.Body)
	}
	r.ask(r.ada, "DELETE", path, nil).WantError(t, 404, "NOT_FOUND")
	var actions []string
	rows, err := r.pool.Query(t.Context(), "select action || ' ' || outcome || ' ' || details::text from audit_log where subject = $1 order by id", made.ID)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var action string
		if err := rows.Scan(&action); err != nil {
			t.Fatal(err)
		}
		actions = append(actions, action)
	}
	if text := strings.Join(actions, "\n"); strings.Count(text, "updateSource done") != 4 || !strings.HasPrefix(text, "createSource done") || strings.Contains(text+r.Log.String(), "53cr3t") {
		t.Errorf("audited:\n%s\nwant one creation, four changes, and no secret here or in the log", text)
	}
}

func TestSourceRefusals(t *testing.T) {
	t.Parallel()
	r := newSourceRoom(t)
	r.make(r.orders("taken", nil))
	web := func(change members) members {
		part := members{"url": "https://shop.example.com/orders", "format": "json"}
		for key, value := range change {
			part[key] = value
		}
		return r.orders("x", members{"http": part})
	}
	for name, c := range map[string]struct {
		body  members
		field string
	}{
		"kind file":             {r.orders("x", members{"kind": "file"}), "kind"},
		"kind upload":           {r.orders("x", members{"kind": "upload"}), "kind"},
		"file in the body":      {r.orders("x", members{"path": "/etc/passwd"}), "path"},
		"two parts":             {r.orders("x", members{"sheet": members{"url": "https://a.example.com"}}), "sheet"},
		"part of another kind":  {r.orders("x", members{"kind": "sheet"}), "http"},
		"no part":               {without(r.orders("x", nil), "http"), "http"},
		"no mapping":            {without(r.orders("x", nil), "mapping"), "mapping"},
		"push with mapping":     {without(r.orders("x", members{"kind": "push"}), "http", "schedule"), "mapping"},
		"push with schedule":    {without(r.orders("x", members{"kind": "push"}), "http", "mapping"), "schedule"},
		"no KPIs":               {r.orders("x", members{"kpis": []members{}}), "kpis"},
		"KPI twice":             {r.orders("x", members{"kpis": []members{{"name": "a"}, {"name": " a"}}}), "kpis[1].name"},
		"KPI of another source": {r.orders("x", members{"kpis": []members{{"name": "a", "id": r.World.Cafe.KPIs[0]}}}), "kpis[0].id"},
		"currency":              {r.orders("x", members{"kpis": []members{{"name": "a", "currency": "euro"}}}), "kpis[0].currency"},
		"name of blanks":        {r.orders("  ", nil), "name"},
		"schedule":              {r.orders("x", members{"schedule": "* * * * *"}), "schedule"},
		"schedule words":        {r.orders("x", members{"schedule": "@hourly"}), "schedule"},
		"url":                   {web(members{"url": "http://127.0.0.1/"}), "http.url"},
		"method":                {web(members{"method": "DELETE"}), "http.method"},
		"body with GET":         {web(members{"body": "{}"}), "http.body"},
		"rows":                  {web(members{"rows": "$..x"}), "http.rows"},
		"rows filter":           {web(members{"rows": "$[?(@.x == 1)]"}), "http.rows"},
		"rows no path":          {web(members{"rows": "data"}), "http.rows"},
		"header without value":  {web(members{"headers": []members{{"name": "X-Key"}}}), "http.headers[0].value"},
		"header reserved":       {web(members{"headers": []members{{"name": "Host", "value": "x"}}}), "http.headers"},
		"parameter in the URL":  {web(members{"url": "https://shop.example.com/?key=1", "parameters": []members{{"name": "key", "value": "x"}}}), "http.parameters"},
		"paging parameter":      {web(members{"paging": members{"kind": "page"}}), "http.paging.parameter"},
		"paging path":           {web(members{"paging": members{"kind": "cursor", "parameter": "c", "path": "$..x"}}), "http.paging.path"},
		"zone":                  {r.orders("x", members{"mapping": members{"time": []string{"day"}, "value": "value", "time_zone": "Mars"}}), "mapping.time_zone"},
		"layout":                {r.orders("x", members{"mapping": members{"time": []string{"day"}, "value": "value", "layouts": []string{"15:04"}}}), "mapping"},
		"delimiter of JSON":     {r.orders("x", members{"mapping": members{"time": []string{"day"}, "value": "value", "delimiter": ";"}}), "mapping.delimiter"},
		"no value":              {r.orders("x", members{"mapping": members{"time": []string{"day"}}}), "kpis[0].column"},
		"several without key":   {r.orders("x", members{"kpis": []members{{"name": "a"}, {"name": "b"}}}), "mapping.key"},
		"key texts":             {r.orders("x", members{"mapping": members{"time": []string{"day"}, "value": "value", "key": []string{"m"}}}), "mapping"},
	} {
		e := r.ask(r.ada, "POST", "/data/sources", c.body).WantError(t, 400, "VALIDATION_ERROR")
		if d := e.Error.Details; d.Field != c.field || d.In != "body" || d.Issue == "" {
			t.Errorf("%s: %+v, want field %s", name, d, c.field)
		}
	}
	r.ask(r.ada, "POST", "/data/sources", r.orders("taken", members{"kpis": []members{{"name": "other"}}})).WantError(t, 409, "CONFLICT")
	r.ask(r.ada, "POST", "/data/sources", r.orders("free", members{"kpis": []members{{"name": "taken revenue"}}})).WantError(t, 409, "CONFLICT")
	push := r.make(without(r.orders("push", members{"kind": "push"}), "http", "mapping", "schedule"))
	if push.PushKey == "" {
		t.Error("a source of kind push shows no key when it is made")
	}
	for _, action := range []string{"test", "run"} {
		r.ask(r.ada, "POST", "/data/sources/"+push.ID+"/"+action, nil).WantError(t, 409, "SOURCE_NOT_READABLE")
	}
	var till string
	if err := r.pool.QueryRow(t.Context(), "select id::text from kpi_sources where name = 'till' and business_id = $1", r.World.Cafe.ID).Scan(&till); err != nil {
		t.Fatal(err)
	}
	r.ask(r.ada, "PUT", "/data/sources/"+till, without(r.orders("x", nil), "business_id")).WantError(t, 400, "VALIDATION_ERROR")
	r.ask(r.ada, "POST", "/data/sources/"+till+"/key", nil).WantError(t, 409, "SOURCE_NOT_READABLE")
}

func TestSourceLimits(t *testing.T) {
	t.Parallel()
	r := newSourceRoom(t)
	kpis := func(n, from int) (list []members) {
		for i := range n {
			list = append(list, members{"name": fmt.Sprintf("k%d", from+i), "column": "value"})
		}
		return list
	}
	wide := func(name string, n, from int) members {
		return r.orders(name, members{"mapping": members{"time": []string{"day"}}, "kpis": kpis(n, from)})
	}
	// The free tier has three sources and 25 KPIs; the world has three KPIs, of the operator's file.
	r.ask(r.ada, "POST", "/data/sources", wide("a", 23, 0)).WantError(t, 403, "LIMIT_REACHED")
	first := r.make(wide("a", 20, 0))
	r.make(wide("b", 2, 20))
	r.ask(r.ada, "POST", "/data/sources", wide("c", 1, 22)).WantError(t, 403, "LIMIT_REACHED")
	body := without(wide("a", 19, 0), "business_id")
	r.ask(r.ada, "PUT", "/data/sources/"+first.ID, body).Decode(t, 200, &first)
	r.make(wide("c", 1, 22))
	body["kpis"] = kpis(20, 0)
	r.ask(r.ada, "PUT", "/data/sources/"+first.ID, body).WantError(t, 403, "LIMIT_REACHED")
	if _, err := r.pool.Exec(t.Context(), "delete from kpi_sources where name in ('b', 'till')"); err != nil {
		t.Fatal(err)
	}
	r.make(r.orders("b", nil))
	r.ask(r.ada, "POST", "/data/sources", r.orders("d", nil)).WantError(t, 403, "LIMIT_REACHED")
	// Many at once do not pass together.
	if _, err := r.pool.Exec(t.Context(), "delete from kpi_sources where name = 'b'"); err != nil {
		t.Fatal(err)
	}
	answers := make(chan int)
	for i := range 8 {
		go func() {
			answers <- r.ask(r.ada, "POST", "/data/sources", r.orders(fmt.Sprint("at once ", i), nil)).Status
		}()
	}
	made := 0
	for range 8 {
		if <-answers == http.StatusCreated {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d of eight at once were made, want one", made)
	}
}

func TestSourceRoles(t *testing.T) {
	t.Parallel()
	r := newSourceRoom(t)
	made := r.make(r.orders("shop", nil))
	vic, bob := r.Login(t, r.World.Vic), r.Login(t, r.World.Bob)
	list := "/data/sources/" + r.World.Cafe.ID.String()
	var seen struct {
		Sources    []sourceShown
		NextCursor *string `json:"next_cursor"`
	}
	r.ask(vic, "GET", list, nil).Decode(t, 200, &seen)
	if len(seen.Sources) != 2 || seen.Sources[0].Name != "shop" || seen.Sources[0].HTTP != nil || seen.Sources[0].Mapping == nil || len(seen.Sources[0].KPIs) != 1 {
		t.Errorf("a viewer sees %+v, want two sources and no address", seen.Sources)
	}
	var page struct {
		Sources    []sourceShown
		NextCursor *string `json:"next_cursor"`
	}
	r.ask(r.ada, "GET", list+"?limit=1", nil).Decode(t, 200, &page)
	if len(page.Sources) != 1 || page.NextCursor == nil || page.Sources[0].HTTP == nil {
		t.Fatalf("first page %+v, want shop, with its address, and a cursor", page)
	}
	r.ask(r.ada, "GET", list+"?limit=1&cursor="+*page.NextCursor, nil).Decode(t, 200, &page)
	if len(page.Sources) != 1 || page.Sources[0].Name != "till" || page.NextCursor != nil {
		t.Errorf("second page %+v, want till and no cursor", page)
	}
	path := "/data/sources/" + made.ID
	body := without(r.orders("shop", nil), "business_id")
	for method, address := range map[string]string{"PUT": path, "DELETE": path, "POST": path + "/test", "POST ": path + "/run", "POST  ": path + "/key"} {
		method = strings.TrimSpace(method)
		var sent any
		if method == "PUT" {
			sent = body
		}
		r.ask(vic, method, address, sent).WantError(t, 403, "FORBIDDEN")
		r.ask(bob, method, address, sent).WantError(t, 404, "NOT_FOUND")
		r.ask(bob, method, strings.Replace(address, made.ID, uuid.NewString(), 1), sent).WantError(t, 404, "NOT_FOUND")
	}
	r.ask(bob, "GET", list, nil).WantError(t, 404, "NOT_FOUND")
	r.ask(bob, "POST", "/data/sources", r.orders("x", nil)).WantError(t, 404, "NOT_FOUND")
	r.ask(vic, "POST", "/data/sources", r.orders("x", nil)).WantError(t, 403, "FORBIDDEN")
}

func TestSourcesNotConfigured(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{API: func(c *api.Config) { c.Sources, c.Secrets = nil, nil }})
	r := &sourceRoom{Service: s, t: t, ada: s.Login(t, s.World.Ada)}
	r.ask(r.ada, "POST", "/data/sources", r.orders("shop", nil)).WantError(t, 503, "SERVICE_UNAVAILABLE")
	r.ask(r.ada, "GET", "/data/sources/"+s.World.Cafe.ID.String(), nil)
	answer := s.Request(t, "POST", "/data/push/"+uuid.NewString(), `{"points":[]}`, "X-SignalCraft-Signature", "t=1,v1="+strings.Repeat("00", 32))
	answer.WantError(t, 503, "SERVICE_UNAVAILABLE")
}
