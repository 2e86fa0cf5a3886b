package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/apitest"
)

type calendarBody struct {
	ID       string  `json:"id"`
	KPIID    *string `json:"kpi_id"`
	Kind     string  `json:"kind"`
	Name     string  `json:"name"`
	FirstDay string  `json:"first_day"`
	LastDay  string  `json:"last_day"`
}

type calendarPage struct {
	Entries    []calendarBody `json:"entries"`
	NextCursor *string        `json:"next_cursor"`
}

func TestCalendarOfABusiness(t *testing.T) {
	s := newScene(t, apitest.Options{})
	token := s.Login(t, s.World.Ada)
	path := "/businesses/" + s.World.Cafe.ID.String() + "/calendar"
	kpi := s.value(`select id from kpis where business_id = $1 order by id limit 1`, s.World.Cafe.ID.String())

	add := func(fields map[string]any) calendarBody {
		t.Helper()
		var made calendarBody
		s.want(http.StatusCreated, token, "POST", path, fields, &made)
		return made
	}
	works := add(map[string]any{"kind": "closed", "name": " Works ", "first_day": "2026-02-01", "last_day": "2026-02-09"})
	fair := add(map[string]any{"kind": "event", "name": "Fair", "first_day": "2026-05-08", "last_day": "2026-05-10", "kpi_id": kpi})
	till := add(map[string]any{"kind": "incident", "name": "Till broken", "first_day": "2026-05-08", "last_day": "2026-05-08"})
	if works.Name != "Works" || fair.KPIID == nil || *fair.KPIID != kpi {
		t.Errorf("made %+v and %+v, want a trimmed name and the KPI", works, fair)
	}

	list := func(query string, want ...calendarBody) {
		t.Helper()
		got, next := []calendarBody{}, ""
		for {
			var page calendarPage
			s.want(http.StatusOK, token, "GET", path+"?limit=1"+query+next, nil, &page)
			got = append(got, page.Entries...)
			if page.NextCursor == nil {
				break
			}
			next = "&cursor=" + *page.NextCursor
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calendar with %q (-want +got):\n%s", query, diff)
		}
	}
	list("", works, fair, till)
	list("&from=2026-02-09&to=2026-05-08", works)
	list("&from=2026-02-10", fair, till)
	list("&kpi=00000000-0000-7000-8000-000000000001", works, till)

	var moved calendarBody
	s.want(http.StatusOK, token, "PUT", path+"/"+fair.ID, map[string]any{"kind": "event", "name": "Fair", "first_day": "2026-06-08", "last_day": "2026-06-10"}, &moved)
	if moved.ID != fair.ID || moved.KPIID != nil || moved.FirstDay != "2026-06-08" {
		t.Errorf("moved to %+v, want the same entry in June for every KPI", moved)
	}
	s.want(http.StatusNoContent, token, "DELETE", path+"/"+works.ID, nil, nil)
	s.want(http.StatusNotFound, token, "DELETE", path+"/"+works.ID, nil, nil)
	list("", till, moved)
	if got := s.value(`select string_agg(action, ' ' order by seq) from audit_log where business_id = $1 and action like '%alendar%'`, s.World.Cafe.ID.String()); got !=
		"addCalendarEntry addCalendarEntry addCalendarEntry changeCalendarEntry deleteCalendarEntry deleteCalendarEntry" {
		t.Errorf("audited %s", got)
	}
}

func TestCalendarRefusesWhatMakesNoSense(t *testing.T) {
	s := newScene(t, apitest.Options{})
	token := s.Login(t, s.World.Ada)
	path := "/businesses/" + s.World.Cafe.ID.String() + "/calendar"
	check := func(field, kind, name, first, last string, kpi any) {
		t.Helper()
		body := map[string]any{"kind": kind, "name": name, "first_day": first, "last_day": last, "kpi_id": kpi}
		answer := s.as(token, "POST", path, body)
		var e apitest.Envelope
		answer.Decode(t, http.StatusBadRequest, &e)
		if e.Error.Details.Field != field {
			t.Errorf("%v refused for %v, want %s: %s", body, e.Error.Details.Field, field, answer.Body)
		}
	}
	check("kind", "party", "Fair", "2026-05-08", "2026-05-10", nil)
	check("name", "event", "  ", "2026-05-08", "2026-05-10", nil)
	check("first_day", "event", "Fair", "2026-02-30", "2026-05-10", nil)
	check("first_day", "event", "Fair", "1812-05-08", "1812-05-10", nil)
	check("last_day", "event", "Fair", "2026-05-08", "2026-05-07", nil)
	check("last_day", "event", "Fair", "2026-05-08", "2027-05-11", nil)
	check("kpi_id", "event", "Fair", "2026-05-08", "2026-05-10", "00000000-0000-7000-8000-000000000001")
}

func TestKPIDeclaresItsRangeAndTotal(t *testing.T) {
	s := newScene(t, apitest.Options{})
	token, business := s.Login(t, s.World.Ada), s.World.Cafe.ID.String()
	kpis := []string{}
	for n := range 3 {
		kpis = append(kpis, s.value(`insert into kpis (business_id, id, source_id, name) select $1::uuid, gen_random_uuid(), id, $2 from kpi_sources where business_id = $1::uuid order by id limit 1 returning id`,
			business, fmt.Sprint("declared ", n)))
	}
	declare := func(status, n int, more map[string]any) apitest.Answer {
		t.Helper()
		version := s.value(`select version from kpis where business_id = $1 and id = $2`, business, kpis[n])
		body := map[string]any{"name": fmt.Sprint("declared ", n), "aggregation": "sum", "non_negative": true, "is_active": true, "version": json.Number(version)}
		for key, value := range more {
			body[key] = value
		}
		answer := s.as(token, "PUT", "/businesses/"+business+"/kpis/"+kpis[n], body)
		if answer.Status != status {
			t.Errorf("declare %v: status %d, want %d: %s", more, answer.Status, status, answer.Body)
		}
		return answer
	}
	var got struct {
		Lowest, Highest *float64
		Integer         bool
		PartOf          *string `json:"part_of"`
	}
	declare(http.StatusOK, 0, map[string]any{"lowest": 1.5, "highest": 120.0, "integer": true, "part_of": kpis[1]}).Decode(t, http.StatusOK, &got)
	if got.Lowest == nil || *got.Lowest != 1.5 || *got.Highest != 120 || !got.Integer || *got.PartOf != kpis[1] {
		t.Errorf("declared %+v", got)
	}
	declare(http.StatusOK, 1, map[string]any{"part_of": kpis[2]})
	declare(http.StatusBadRequest, 2, map[string]any{"part_of": kpis[0]}) // would be a part of itself
	declare(http.StatusBadRequest, 2, map[string]any{"part_of": kpis[2]})
	declare(http.StatusBadRequest, 2, map[string]any{"part_of": "00000000-0000-7000-8000-000000000001"})
	declare(http.StatusBadRequest, 2, map[string]any{"lowest": 5.0, "highest": 5.0})
	declare(http.StatusBadRequest, 2, map[string]any{"highest": -1.0})
	declare(http.StatusOK, 0, map[string]any{}).Decode(t, http.StatusOK, &got)
	if s.value(`select count(*) from kpis where id = $1 and lowest is null and highest is null and not is_integer and part_of is null`, kpis[0]) != "1" {
		t.Error("what is left out does not become empty")
	}
}
