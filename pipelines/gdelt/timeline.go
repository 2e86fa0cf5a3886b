package gdelt

import (
	"encoding/json"
	"fmt"
	"time"
)

// Timeline is one Timeline answer. No series means that nothing matched.
type Timeline struct {
	Query      string // as the service understood it; empty when it did not say
	Resolution string // "15m", "hour" or "day"; empty when it did not say
	Series     []Series
}

// Series is one line of a timeline: "Volume Intensity" (percent of all monitored
// coverage), "Article Count" (raw) or "Average Tone" (0 also where there was no article).
type Series struct {
	Name   string
	Points []TimelinePoint
}

// TimelinePoint is one step of a series.
type TimelinePoint struct {
	At    time.Time
	Value float64
	// Norm is the number of all articles monitored in the step; null outside raw counts.
	Norm *float64
}

// ParseTimeline reads a TimelineVol, TimelineVolRaw or TimelineTone answer. A body that
// is no timeline is an *AnswerError; a point with a bad date is an error, because a
// series with a hole would read as one without articles.
func ParseTimeline(body []byte) (Timeline, error) {
	body, _ = trimBOM(body)
	if err := checkBody(body); err != nil {
		return Timeline{}, err
	}
	mended, _ := repair(body)
	var raw struct {
		Details struct {
			Title      string `json:"title"`
			Resolution string `json:"date_resolution"`
		} `json:"query_details"`
		Timeline *[]struct {
			Series string `json:"series"`
			Data   []struct {
				Date  string   `json:"date"`
				Value float64  `json:"value"`
				Norm  *float64 `json:"norm"`
			} `json:"data"`
		} `json:"timeline"`
	}
	if err := json.Unmarshal(mended, &raw); err != nil {
		return Timeline{}, fmt.Errorf("read timeline: %w", &AnswerError{Kind: Unavailable, Text: err.Error() + ": " + start(body)})
	}
	if raw.Timeline == nil {
		return Timeline{}, checkEmptyObject(mended)
	}
	t := Timeline{Query: raw.Details.Title, Resolution: raw.Details.Resolution}
	for _, s := range *raw.Timeline {
		series := Series{Name: s.Series}
		for i, p := range s.Data {
			at, err := time.Parse(stampLayout, p.Date)
			if err != nil {
				return Timeline{}, fmt.Errorf("read timeline %q point %d: date %q: want YYYYMMDDTHHMMSSZ", s.Series, i+1, p.Date)
			}
			series.Points = append(series.Points, TimelinePoint{At: at, Value: p.Value, Norm: p.Norm})
		}
		t.Series = append(t.Series, series)
	}
	return t, nil
}
