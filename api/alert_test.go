package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

type alert struct {
	ID         string
	BusinessID string  `json:"business_id"`
	KPIID      *string `json:"kpi_id"`
	Name       string
	Condition  string
	Threshold  *float64
	WindowDays int `json:"window_days"`
	Severity   string
	Channels   []string
	Active     bool `json:"is_active"`
	Version    int
	Firing     []struct{ KPI, Day string }
}

type alertList struct {
	Alerts     []alert
	NextCursor *string `json:"next_cursor"`
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := apitest.Start(t, apitest.Options{URL: db.URL})
	cafe, kpi := s.World.Cafe.ID.String(), s.World.Cafe.KPIs[0].String()
	ada, vic, bob := s.Login(t, s.World.Ada), s.Login(t, s.World.Vic), s.Login(t, s.World.Bob)
	send := func(method, path, token string, body any) apitest.Answer {
		return s.Request(t, method, path, body, "Authorization", "Bearer "+token)
	}
	create := map[string]any{"business_id": cafe, "kpi_id": kpi, "name": " Revenue is low ", "condition": "below", "threshold": 1000.5}
	var made alert
	send(http.MethodPost, "/dashboard/alerts", ada, create).Decode(t, http.StatusCreated, &made)
	if made.ID == "" || made.BusinessID != cafe || *made.KPIID != kpi || made.Name != "Revenue is low" || *made.Threshold != 1000.5 || made.WindowDays != 1 ||
		made.Severity != "warning" || !slices.Equal(made.Channels, []string{"in_app"}) || !made.Active || made.Version != 1 || made.Firing == nil {
		t.Errorf("made %+v", made)
	}
	send(http.MethodPost, "/dashboard/alerts", vic, create).WantError(t, http.StatusForbidden, "FORBIDDEN")
	send(http.MethodPost, "/dashboard/alerts", bob, create).WantError(t, http.StatusNotFound, "NOT_FOUND")
	path := "/dashboard/alerts/" + made.ID
	change := map[string]any{"name": "All of them", "condition": "missing", "window_days": 3, "channels": []string{"email", "in_app"}, "severity": "critical", "version": 1}
	send(http.MethodPut, path, vic, change).WantError(t, http.StatusForbidden, "FORBIDDEN")
	send(http.MethodPut, path, bob, change).WantError(t, http.StatusNotFound, "NOT_FOUND")
	var got alert
	send(http.MethodPut, path, ada, change).Decode(t, http.StatusOK, &got)
	if got.KPIID != nil || got.Threshold != nil || got.Condition != "missing" || got.WindowDays != 3 || got.Severity != "critical" || len(got.Channels) != 2 || got.Version != 2 {
		t.Errorf("changed to %+v", got)
	}
	send(http.MethodPut, path, ada, change).WantError(t, http.StatusConflict, "VERSION_CONFLICT")
	delete(change, "version")
	send(http.MethodPut, path, ada, change).Decode(t, http.StatusOK, &got) // nothing that is watched changed
	rules, err := db.Pool(t, "").Query(t.Context(), `select rule from alerts where version = 3 and rule = 2`)
	if err != nil || !rules.Next() {
		t.Errorf("a change of what is watched made no other rule, or one of nothing did: %v", err)
	}
	rules.Close()
	var list alertList
	s.Get(t, "/dashboard/alerts/"+cafe+"?kpi="+kpi, vic).Decode(t, http.StatusOK, &list)
	if len(list.Alerts) != 1 || list.Alerts[0].ID != made.ID {
		t.Errorf("list %+v", list)
	}
	s.Get(t, "/dashboard/alerts/"+cafe, bob).WantError(t, http.StatusNotFound, "NOT_FOUND")
	send(http.MethodDelete, path, vic, nil).WantError(t, http.StatusForbidden, "FORBIDDEN")
	send(http.MethodDelete, path, bob, nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	if answer := send(http.MethodDelete, path, ada, nil); answer.Status != http.StatusNoContent {
		t.Errorf("delete: status %d", answer.Status)
	}
	send(http.MethodDelete, path, ada, nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	send(http.MethodPut, path, ada, change).WantError(t, http.StatusNotFound, "NOT_FOUND")
	audited, err := db.Pool(t, "").Query(t.Context(), `select 1 from audit_log where action = any('{createAlert,updateAlert,deleteAlert}') and outcome = 'done' and subject = $1`, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer audited.Close()
	entries := 0
	for audited.Next() {
		entries++
	}
	if entries != 4 {
		t.Errorf("%d audit entries, want one of each of the 4 changes", entries)
	}
}

func TestAlertsAreCheckedWell(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token := s.Login(t, s.World.Ada)
	for name, test := range map[string]struct {
		field string
		body  map[string]any
	}{
		"no threshold":              {"threshold", map[string]any{"condition": "above"}},
		"a threshold of null":       {"threshold", map[string]any{"condition": "forecast_above", "threshold": nil}},
		"a threshold for anomalies": {"threshold", map[string]any{"condition": "anomaly", "threshold": 1}},
		"a threshold for missing":   {"threshold", map[string]any{"condition": "missing", "threshold": 0}},
		"a change in per cent":      {"threshold", map[string]any{"condition": "change_below", "threshold": -20}},
		"a huge threshold":          {"threshold", map[string]any{"condition": "above", "threshold": 1e300}},
		"another's KPI":             {"kpi_id", map[string]any{"condition": "anomaly", "kpi_id": s.World.Hotel.KPIs[0].String()}},
		"no KPI":                    {"kpi_id", map[string]any{"condition": "anomaly", "kpi_id": "x"}},
		"a window beyond forecasts": {"window_days", map[string]any{"condition": "forecast_below", "threshold": 1, "window_days": 31}},
		"no window":                 {"window_days", map[string]any{"condition": "above", "threshold": 1, "window_days": 0}},
		"no condition":              {"condition", map[string]any{"condition": "sometimes"}},
		"an unknown channel":        {"channels[0]", map[string]any{"condition": "anomaly", "channels": []string{"pager"}}},
		"a channel twice":           {"channels", map[string]any{"condition": "anomaly", "channels": []string{"email", "email"}}},
		"no channel":                {"channels", map[string]any{"condition": "anomaly", "channels": []string{}}},
		"a blank name":              {"name", map[string]any{"condition": "anomaly", "name": "  "}},
		"a name with a zero byte":   {"name", map[string]any{"condition": "anomaly", "name": "a\x00b"}},
		"a name with a line break":  {"name", map[string]any{"condition": "anomaly", "name": "a\nb"}},
		"a long name":               {"name", map[string]any{"condition": "anomaly", "name": strings.Repeat("x", 121)}},
	} {
		body := map[string]any{"business_id": s.World.Cafe.ID, "name": name}
		for key, value := range test.body {
			body[key] = value
		}
		answer := s.Request(t, http.MethodPost, "/dashboard/alerts", body, "Authorization", "Bearer "+token)
		if e := answer.WantError(t, http.StatusBadRequest, "VALIDATION_ERROR"); e.Error.Details.Field != test.field {
			t.Errorf("%s: field %q (%s), want %q", name, e.Error.Details.Field, e.Error.Details.Issue, test.field)
		}
	}
}

func TestAlertPages(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token := s.Login(t, s.World.Ada)
	var made []string
	for n := range 7 {
		var a alert
		s.Request(t, http.MethodPost, "/dashboard/alerts", map[string]any{"business_id": s.World.Cafe.ID, "name": fmt.Sprint(n), "condition": "anomaly"},
			"Authorization", "Bearer "+token).Decode(t, http.StatusCreated, &a)
		made = append(made, a.ID)
	}
	var read []string
	for cursor := ""; ; {
		var page alertList
		s.Get(t, "/dashboard/alerts/"+s.World.Cafe.ID.String()+"?limit=3"+cursor, token).Decode(t, http.StatusOK, &page)
		for _, a := range page.Alerts {
			read = append(read, a.ID)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *page.NextCursor
	}
	if !slices.Equal(read, made) {
		t.Errorf("read %v, want %v in the order in which they were made", read, made)
	}
	s.Get(t, "/dashboard/alerts/"+s.World.Cafe.ID.String()+"?cursor=x", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	s.Get(t, "/notifications?cursor=x", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
}
