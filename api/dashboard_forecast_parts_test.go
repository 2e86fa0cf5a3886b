package api_test

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalcraft/signalcraft/api/apitest"
)

type explainedForecasts struct {
	Tables []struct{ Table string }
	Series []struct {
		Points []struct {
			Day        string
			Mean       float64
			Components *struct {
				Trend, Seasonal, Calendar, Measured float64
				LongSeasonal                        float64 `json:"long_seasonal"`
			}
		}
		Explanation map[string]any
		Accuracy    []map[string]any
	}
	NextCursor *string `json:"next_cursor"`
}

func TestForecastsTellWhatTheyAreMadeOf(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, path := s.Login(t, s.World.Bob), "/dashboard/forecasts/"+s.World.Hotel.ID.String()+"?include=components,explanation,accuracy"
	var got explainedForecasts
	s.Get(t, path, token).Decode(t, http.StatusOK, &got)
	if len(got.Series) != 2 || len(got.Tables) != 2 || got.Tables[1].Table != "forecast_accuracy" {
		t.Fatalf("%d series made of %v", len(got.Series), got.Tables)
	}
	for _, series := range got.Series {
		for _, p := range series.Points {
			if c := p.Components; c == nil || math.Abs(c.Trend+c.Seasonal+c.LongSeasonal+c.Calendar+c.Measured-p.Mean) > 1e-9*p.Mean || c.Measured != -2 {
				t.Fatalf("%s: mean %v of %+v", p.Day, p.Mean, c)
			}
		}
		effects := series.Explanation["effects"].([]any)
		if series.Explanation["level_shift"] != "2025-06-01" || series.Explanation["long_season"] != nil || effects[0].(map[string]any)["coefficient"] != -120.5 {
			t.Errorf("explanation %v", series.Explanation)
		}
		// Days 1, 2 and 3 with errors of as much; the vintage of 99 days ago is too old. Of the naive forecast's days only those of the second
		// and third vintage count: one day off by 2 against 4, and two days off by 3 against 6.
		want := []map[string]any{{"horizon_from": 1.0, "horizon_to": 7.0, "vintages": 3.0, "days": 6.0, "mae": 14.0 / 6, "mase": 1.4 / 6, "smape": 14.0 / 6, "bias": -14.0 / 6,
			"coverage_80": 0.0, "coverage_95": 1.0, "relative_to_naive": 0.5}}
		near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })
		if diff := cmp.Diff(want, series.Accuracy, near); diff != "" {
			t.Errorf("accuracy (-want +got):\n%s", diff)
		}
	}
}

// A page that begins within a series has its components too, and each series of it its explanation.
func TestForecastsTellOnEveryPage(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, path := s.Login(t, s.World.Bob), "/dashboard/forecasts/"+s.World.Hotel.ID.String()+"?include=components,explanation&limit=7"
	points := 0
	for cursor := ""; ; {
		var got explainedForecasts
		s.Get(t, path+cursor, token).Decode(t, http.StatusOK, &got)
		for _, series := range got.Series {
			if series.Explanation == nil || series.Accuracy != nil {
				t.Fatalf("series after %d points: explanation %v, accuracy %v", points, series.Explanation, series.Accuracy)
			}
			for _, p := range series.Points {
				points++
				if p.Components == nil || math.Abs(p.Components.Trend+5-p.Mean) > 1e-9*p.Mean {
					t.Fatalf("%s: mean %v of %+v", p.Day, p.Mean, p.Components)
				}
			}
		}
		if got.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *got.NextCursor
	}
	if points != 2*apitest.ForecastDays {
		t.Errorf("%d points on all pages, want %d", points, 2*apitest.ForecastDays)
	}
}

// A vintage from before components and explanations has neither, and nobody is told what they did not ask for.
func TestForecastsWithoutExplanation(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	token, path := s.Login(t, s.World.Bob), "/dashboard/forecasts/"+s.World.Hotel.ID.String()
	for _, query := range []string{"?vintage=2026-03-29&include=components,explanation", ""} {
		answer := s.Get(t, path+query, token)
		var got explainedForecasts
		answer.Decode(t, http.StatusOK, &got)
		for _, word := range []string{`"components"`, `"explanation"`, `"accuracy"`} {
			if strings.Contains(string(answer.Body), word) {
				t.Errorf("%q: the answer has %s", query, word)
			}
		}
		if len(got.Series) != 2 {
			t.Errorf("%q: %d series, want 2", query, len(got.Series))
		}
	}
	s.Get(t, path+"?include=everything", token).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
}
