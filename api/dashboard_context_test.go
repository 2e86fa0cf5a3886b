package api_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// oddDay is an anomaly with what it coincided with.
type oddDay struct {
	Grain, Kind, Day, Severity string
	Score, Value               *float64
	Robust                     *float64 `json:"robust_score"`
	Ongoing                    bool
	Context                    []struct {
		Kind, Subject, Day, Text string
		Strength                 float64
		Value, Usual             *float64
	}
}

func TestAnomaliesTellWhatTheyCoincidedWith(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	token, cafe := s.Login(t, s.World.Vic), s.World.Cafe
	path := "/dashboard/anomalies/" + cafe.ID.String() + "?kpi=" + cafe.KPIs[0].String()
	read := func(query string) []oddDay {
		t.Helper()
		var got struct{ Anomalies []oddDay }
		s.want(http.StatusOK, token, "GET", path+query, nil, &got)
		return got.Anomalies
	}
	for _, a := range read("") {
		if a.Context != nil || a.Score == nil || *a.Score < 0 || *a.Score > 1 || a.Robust == nil {
			t.Errorf("without include: %+v, want a score from 0 to 1 and no context", a)
		}
	}
	days, hours := 0, 0
	for _, a := range read("&include=context") {
		if a.Grain == "hour" {
			if hours++; a.Context != nil {
				t.Errorf("an hour has context: %+v", a)
			}
			continue
		}
		days++
		if len(a.Context) != 2 || a.Context[0].Subject != "wind" || a.Context[0].Day != a.Day || *a.Context[0].Value != 81.5 || a.Context[1].Text != "The day before: Spring Day" ||
			a.Context[1].Value != nil || a.Context[1].Strength != 0.5 {
			t.Errorf("context of %s is %+v, want the wind before the holiday", a.Day, a.Context)
		}
	}
	if days != apitest.Anomalies || hours != apitest.Anomalies {
		t.Errorf("%d days and %d hours, want %d each", days, hours, apitest.Anomalies)
	}
	dips := read("&kind=dip&grain=day")
	if len(dips) != 6 || dips[0].Kind != "dip" {
		t.Errorf("%d dips: %+v, want 6", len(dips), dips)
	}
	if got := read("&kind=missing"); len(got) != 0 {
		t.Errorf("missing values: %+v, want none", got)
	}
	// A value that did not come, on the second of several days.
	s.exec(`update serving.kpi_anomalies set kind = 'missing', value = null, deviation = null, robust_score = null, is_ongoing = true where kpi_id = $1 and grain = 'day' and day = '2026-03-29'`, cafe.KPIs[0])
	s.exec(`update serving.publications set published_at = published_at + interval '1 second'`)
	s.exec(`update businesses set version = version + 1`)
	if got := read("&kind=missing"); len(got) != 1 || got[0].Value != nil || got[0].Robust != nil || !got[0].Ongoing {
		t.Errorf("the missing value reads %+v", got)
	}
	s.as(token, "GET", path+"&include=causes", nil).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	s.as(s.Login(t, s.World.Bob), "GET", path+"&include=context", nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
}

func TestTrendsStateWhereKPIsGo(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, path := s.Login(t, s.World.Vic), "/dashboard/trends/"+s.World.Cafe.ID.String()
	type statement struct {
		Direction       string
		Slope           *float64
		PercentPerMonth *float64 `json:"percent_per_month"`
		PValue          *float64 `json:"p_value"`
		FirstDay        string   `json:"first_day"`
	}
	type answer struct {
		Series []struct {
			KPI          struct{ ID string }
			Statement    *statement
			ChangePoints []struct {
				Day, Kind                       string
				Size, Before, After, Confidence float64
			} `json:"change_points"`
		}
		NextCursor string `json:"next_cursor"`
		Tables     []struct{ Table string }
	}
	var got answer
	s.Get(t, path, token).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 2 || len(got.Tables) != 2 {
		t.Fatalf("%d series of %v, want 2 of 2 tables", len(got.Series), got.Tables)
	}
	slope, percent, p := -1.0, -30.0, 0.001
	for _, series := range got.Series {
		if diff := cmp.Diff(&statement{"falling", &slope, &percent, &p, "2025-12-31"}, series.Statement); diff != "" {
			t.Errorf("statement of %s (-want +got):\n%s", series.KPI.ID, diff)
		}
		if c := series.ChangePoints; len(c) != 1 || c[0].Day != "2026-03-01" || c[0].Kind != "level_shift" || c[0].Size != -20 || c[0].Confidence != 0.999 {
			t.Errorf("change points %+v, want the one of the window", c)
		}
	}
	var older answer
	s.Get(t, path+"?from=2025-01-01&to=2026-02-01", token).Decode(t, http.StatusOK, &older)
	if c := older.Series[0].ChangePoints; len(c) != 1 || c[0].Day != "2025-06-01" {
		t.Errorf("change points of an older window %+v", c)
	}
	// A series that goes on is not stated twice.
	var page, second answer
	s.Get(t, path+"?limit=50", token).Decode(t, http.StatusOK, &page)
	s.Get(t, path+"?limit=50&cursor="+page.NextCursor, token).Decode(t, http.StatusOK, &second)
	if len(second.Series) != 2 || second.Series[0].Statement != nil || second.Series[0].ChangePoints != nil || second.Series[1].Statement == nil {
		t.Errorf("the second page reads %+v, want a statement of the second series alone", second.Series)
	}
	var cards struct {
		KPIs []struct {
			Trend *struct {
				Direction string
				PValue    *float64 `json:"p_value"`
			}
			Anomaly *struct{ Kind string }
		}
	}
	s.Get(t, "/dashboard/summary/"+s.World.Cafe.ID.String(), token).Decode(t, http.StatusOK, &cards)
	stated := 0
	for _, card := range cards.KPIs {
		if card.Trend != nil && card.Trend.Direction == "falling" && *card.Trend.PValue == p && card.Anomaly.Kind == "dip" {
			stated++
		}
	}
	if stated != 2 {
		t.Errorf("%d cards state a trend: %+v, want those of the KPIs with values", stated, cards.KPIs)
	}
}

// How loud anomalies are is a preference, which clients from before it existed may leave out.
func TestHowLoudAnomaliesAreIsAPreference(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada, path := s.Login(t, s.World.Ada), "/businesses/"+s.World.Cafe.ID.String()+"/preferences"
	var got map[string]any
	s.want(http.StatusOK, ada, "GET", path, nil, &got)
	delete(got, "$schema")
	delete(got, "version")
	check := func(what string, send any, expected, least float64) {
		t.Helper()
		if send == nil {
			delete(got, "anomalies")
		} else {
			got["anomalies"] = send
		}
		var answer struct {
			Anomalies struct {
				ExpectedAlarms float64 `json:"expected_alarms"`
				LeastShare     float64 `json:"least_share"`
			}
		}
		s.want(http.StatusOK, ada, "POST", path, got, &answer)
		if answer.Anomalies.ExpectedAlarms != expected || answer.Anomalies.LeastShare != least {
			t.Errorf("%s: %+v, want %g and %g", what, answer.Anomalies, expected, least)
		}
	}
	check("set", map[string]any{"expected_alarms": 2, "least_share": 0}, 2, 0)
	check("left out", nil, 0.5, 0.05)
	got["anomalies"] = map[string]any{"expected_alarms": 11, "least_share": 0}
	s.as(ada, "POST", path, got).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
}
