package api_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// scene is a running service and the owner's way into its database.
type scene struct {
	*apitest.Service
	t  *testing.T
	db *sql.DB
}

func newScene(t *testing.T, o apitest.Options) *scene {
	t.Helper()
	database := storetest.New(t)
	o.URL = database.URL
	s := &scene{Service: apitest.Start(t, o), t: t}
	var err error
	if s.db, err = store.OpenSQL(database.URL(""), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	return s
}

// exec changes the database behind the service's back.
func (s *scene) exec(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.db.ExecContext(s.t.Context(), statement, args...); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// value reads one value as text.
func (s *scene) value(query string, args ...any) string {
	s.t.Helper()
	var v sql.NullString
	if err := s.db.QueryRowContext(s.t.Context(), query, args...).Scan(&v); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return v.String
}

// as sends a request with an access token.
func (s *scene) as(token, method, path string, body any) apitest.Answer {
	s.t.Helper()
	if token == "" {
		return s.Request(s.t, method, path, body)
	}
	return s.Request(s.t, method, path, body, "Authorization", "Bearer "+token)
}

// want sends a request and reads the answer, which must have the status.
func (s *scene) want(status int, token, method, path string, body, into any) {
	s.t.Helper()
	answer := s.as(token, method, path, body)
	if answer.Status != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, answer.Status, status, answer.Body)
	}
	if into != nil {
		answer.Decode(s.t, status, into)
	}
}

type businessBody struct {
	ID        string   `json:"id,omitempty"`
	Name      string   `json:"name"`
	Industry  string   `json:"industry,omitempty"`
	TimeZone  string   `json:"time_zone"`
	Currency  string   `json:"currency"`
	Country   string   `json:"country"`
	Place     string   `json:"place,omitempty"`
	Latitude  *float64 `json:"latitude,omitempty"`
	Longitude *float64 `json:"longitude,omitempty"`
	NewsQuery string   `json:"news_query,omitempty"`
	Tier      string   `json:"tier,omitempty"`
	Role      string   `json:"role,omitempty"`
	Version   int64    `json:"version,omitempty"`
}

func bakery() businessBody {
	return businessBody{Name: "Corner Bakery", Industry: "food", TimeZone: "Europe/Vienna", Currency: "EUR", Country: "AT", Place: "Wien"}
}

func TestBusinessFromFoundingToDeletion(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	nobody := s.Login(t, s.World.Nobody)
	var list struct{ Businesses []businessBody }
	s.want(200, nobody, "GET", "/businesses", nil, &list)
	if len(list.Businesses) != 0 {
		t.Fatalf("before founding: %v", list)
	}
	var made businessBody
	s.want(201, nobody, "POST", "/businesses", bakery(), &made)
	if made.Role != "owner" || made.Tier != "free" || made.Version != 1 || made.Name != "Corner Bakery" {
		t.Errorf("founded: %+v", made)
	}
	path := "/businesses/" + made.ID
	change := made
	change.ID, change.Role, change.Tier = "", "", ""
	change.Name = "Corner Bakery & Sons"
	var changed businessBody
	s.want(200, nobody, "PUT", path, change, &changed)
	if changed.Name != change.Name || changed.Version != 2 {
		t.Errorf("changed: %+v", changed)
	}
	s.as(nobody, "PUT", path, change).WantError(t, http.StatusConflict, "VERSION_CONFLICT")
	var read businessBody
	s.want(200, nobody, "GET", path, nil, &read)
	if read != changed {
		t.Errorf("read %+v, want %+v", read, changed)
	}
	s.exec(`insert into serving.news_daily (business_id, day, articles, stories, scored) values ($1, '2026-03-30', 1, 1, 1)`, made.ID)
	s.want(204, nobody, "DELETE", path, nil, nil)
	s.as(nobody, "GET", path, nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	for _, gone := range []string{`businesses where id = $1`, `memberships where business_id = $1`, `serving.news_daily where business_id = $1`} {
		if got := s.value(`select count(*) from `+gone, made.ID); got != "0" {
			t.Errorf("%s rows left in %s", got, gone)
		}
	}
	if got := s.value(`select count(*) from serving.news_daily where business_id = $1`, s.World.Cafe.ID); got == "0" {
		t.Error("another business's numbers went too")
	}
	if got := s.value(`select kind from erasures where subject_id = $1 and done_at is null`, made.ID); got != "business" {
		t.Errorf("erasure: got %q, want a business's", got)
	}
	if got := s.value(`select string_agg(action, ' ' order by id) from audit_log where business_id = $1 and outcome = 'done'`, made.ID); got != "createBusiness updateBusiness deleteBusiness" {
		t.Errorf("audited: %s", got)
	}
	if got := s.value(`select recipient from mails where kind = 'business_deleted'`); got != s.World.Nobody.Email {
		t.Errorf("mail to %q, want the owner", got)
	}
}

func TestBusinessFieldsAreChecked(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	far, north := 200.0, 50.0
	for field, change := range map[string]func(*businessBody){
		"name":       func(b *businessBody) { b.Name = "  " },
		"time_zone":  func(b *businessBody) { b.TimeZone = "Mars/Olympus" },
		"time_zone ": func(b *businessBody) { b.TimeZone = "Local" },
		"currency":   func(b *businessBody) { b.Currency = "DEM" },
		"country":    func(b *businessBody) { b.Country = "ZZ" },
		"latitude":   func(b *businessBody) { b.Latitude = &north },
		"longitude":  func(b *businessBody) { b.Latitude, b.Longitude = &north, &far },
		"place":      func(b *businessBody) { b.Place = "Wien\nBcc: x" },
		"industry":   func(b *businessBody) { b.Industry = "a\x00b" },
		"news_query": func(b *businessBody) { b.NewsQuery = strings.Repeat("x", 501) },
	} {
		body := bakery()
		change(&body)
		got := s.as(ada, "POST", "/businesses", body).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
		if got.Error.Details.Field != strings.TrimSpace(field) || got.Error.Details.In != "body" {
			t.Errorf("%s: refused %s in %s", field, got.Error.Details.Field, got.Error.Details.In)
		}
	}
	s.as(ada, "POST", "/businesses", `{"name":"x","time_zone":"UTC","currency":"EUR","country":"AT","subscription_tier":"pro"}`).
		WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
}

func TestCoordinatesFollowThePlace(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	var b businessBody
	s.want(201, ada, "POST", "/businesses", bakery(), &b)
	s.exec(`update businesses set place_id = 1, latitude = 48.2, longitude = 16.4 where id = $1`, b.ID) // as the batch does
	put := func(change func(*businessBody)) businessBody {
		t.Helper()
		s.want(200, ada, "GET", "/businesses/"+b.ID, nil, &b)
		body := b
		body.ID, body.Role, body.Tier, body.Latitude, body.Longitude = "", "", "", nil, nil
		change(&body)
		var out businessBody
		s.want(200, ada, "PUT", "/businesses/"+b.ID, body, &out)
		return out
	}
	if got := put(func(b *businessBody) { b.Name = "other" }); got.Latitude == nil || *got.Latitude != 48.2 {
		t.Errorf("same place: coordinates %v, want those that were found", got.Latitude)
	}
	if got := s.value(`select place_id from businesses where id = $1`, b.ID); got != "1" {
		t.Errorf("same place: place id %q, want 1", got)
	}
	if got := put(func(b *businessBody) { b.Place = "Graz" }); got.Latitude != nil {
		t.Errorf("another place: coordinates %v, want none until they are found", *got.Latitude)
	}
	if got := s.value(`select coalesce(place_id::text, 'none') from businesses where id = $1`, b.ID); got != "none" {
		t.Errorf("another place: place id %s", got)
	}
	north, east := 47.0, 15.4
	if got := put(func(b *businessBody) { b.Latitude, b.Longitude = &north, &east }); got.Latitude == nil || *got.Latitude != 47 {
		t.Errorf("given coordinates: %v, want 47", got.Latitude)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	path := "/businesses/" + s.World.Cafe.ID.String() + "/preferences"
	var got map[string]any
	s.want(200, ada, "GET", path, nil, &got)
	if got["locale"] != "en" || got["week_start"] != "monday" || got["version"] != 1.0 {
		t.Errorf("defaults: %v", got)
	}
	delete(got, "$schema")
	got["locale"] = "de-AT"
	s.want(200, ada, "POST", path, got, &got)
	if got["locale"] != "de-AT" || got["version"] != 2.0 {
		t.Errorf("saved: %v", got)
	}
	got["version"] = 1
	s.as(ada, "POST", path, got).WantError(t, http.StatusConflict, "VERSION_CONFLICT")
	delete(got, "version")
	s.want(200, ada, "POST", path, got, nil)
	got["colour"] = "red"
	s.as(ada, "POST", path, got).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	delete(got, "colour")
	got["channels"].(map[string]any)["alerts"] = []string{"pigeon"}
	s.as(ada, "POST", path, got).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if v := s.value(`select version from businesses where id = $1`, s.World.Cafe.ID); v != "1" {
		t.Errorf("version of the business is %s: preferences have their own", v)
	}
}

func TestKPIs(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	path := "/businesses/" + s.World.Cafe.ID.String() + "/kpis"
	var list struct {
		KPIs       []map[string]any `json:"kpis"`
		NextCursor *string          `json:"next_cursor"`
	}
	var names []string
	cursor := ""
	for {
		s.want(200, ada, "GET", path+"?limit=2&cursor="+cursor, nil, &list)
		for _, k := range list.KPIs {
			names = append(names, fmt.Sprint(k["name"], " ", k["last_day"]))
		}
		if list.NextCursor == nil {
			break
		}
		cursor = *list.NextCursor
	}
	if want := "Harbour Cafe KPI 0 2026-03-30, Harbour Cafe KPI 1 2026-03-30, Harbour Cafe KPI 2 <nil>"; strings.Join(names, ", ") != want {
		t.Errorf("KPIs: %v, want %s", names, want)
	}
	id := s.World.Cafe.KPIs[0].String()
	body := map[string]any{"name": "Revenue", "unit": "EUR", "currency": "EUR", "aggregation": "sum", "non_negative": true, "is_active": true, "version": 1}
	var changed map[string]any
	s.want(200, ada, "PUT", path+"/"+id, body, &changed)
	if changed["name"] != "Revenue" || changed["version"] != 2.0 {
		t.Errorf("changed: %v", changed)
	}
	s.as(ada, "PUT", path+"/"+id, body).WantError(t, http.StatusConflict, "VERSION_CONFLICT")
	body["version"], body["name"] = 2, "Harbour Cafe KPI 1"
	s.as(ada, "PUT", path+"/"+id, body).WantError(t, http.StatusConflict, "CONFLICT")
	body["name"], body["currency"] = "Revenue", "XXX"
	s.as(ada, "PUT", path+"/"+id, body).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	s.as(ada, "PUT", path+"/"+s.World.Hotel.KPIs[0].String(), map[string]any{"name": "x", "aggregation": "sum", "non_negative": true, "is_active": true, "version": 1}).
		WantError(t, http.StatusNotFound, "NOT_FOUND")
}

func TestInactiveKPIsComeBackWithinTheLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	cafe, id := s.World.Cafe.ID, s.World.Cafe.KPIs[2].String()
	s.exec(`insert into kpis (business_id, id, source_id, name) select $1, gen_random_uuid(), id, 'n' || n from kpi_sources, generate_series(1, 23) n where business_id = $1`, cafe)
	s.exec(`update kpis set is_active = false where id = $1`, id)
	body := map[string]any{"name": "x", "aggregation": "sum", "non_negative": true, "is_active": true, "version": 2}
	got := s.as(ada, "PUT", "/businesses/"+cafe.String()+"/kpis/"+id, body)
	got.WantError(t, http.StatusForbidden, "LIMIT_REACHED")
	s.exec(`update businesses set subscription_tier = 'pro' where id = $1`, cafe)
	s.want(200, ada, "PUT", "/businesses/"+cafe.String()+"/kpis/"+id, body, nil)
}
