package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// Preferences is how a business wants its numbers shown and its people told. It is stored as JSON in businesses.settings, under
// these names; what is missing there has the default. It is exported because huma reads exported embedded structs only.
type Preferences struct {
	Locale       string         `json:"locale" doc:"BCP 47 tag of the language that reports and mails are written in" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$" maxLength:"35" example:"de-DE"`
	WeekStart    string         `json:"week_start" doc:"First day of the week in calendars; weekly numbers stay ISO weeks, from Monday on" enum:"monday,saturday,sunday" example:"monday"`
	NumberFormat numberFormat   `json:"number_format" doc:"How numbers are written"`
	Digest       digestSettings `json:"digest" doc:"Summary by mail"`
	Channels     noticeChannels `json:"channels" doc:"How members are told, by what of; an alert's own channels go first"`
	// Anomalies may be left out by callers that do not know it yet.
	Anomalies anomalySettings `json:"anomalies,omitempty" doc:"How much has to happen before a KPI is out of the ordinary; left out, it has its default"`
}

// anomalySettings are read by the batch under these names.
type anomalySettings struct {
	ExpectedAlarms float64 `json:"expected_alarms" doc:"How many anomalies of one KPI may be told of in a month in which nothing happens: less is quieter, and misses more" minimum:"0.01" maximum:"10" example:"0.5"`
	LeastShare     float64 `json:"least_share" doc:"Deviation, as a share of what was to be expected, below which nothing is an anomaly" minimum:"0" maximum:"10" example:"0.05"`
}

type numberFormat struct {
	Decimal  string `json:"decimal" doc:"Decimal mark" enum:"point,comma" example:"comma"`
	Grouping string `json:"grouping" doc:"What stands between thousands" enum:"none,comma,point,space,apostrophe" example:"point"`
	Decimals int    `json:"decimals" doc:"Digits behind the decimal mark" minimum:"0" maximum:"6" example:"2"`
}

type digestSettings struct {
	Enabled    bool     `json:"enabled" doc:"Whether a summary goes out" example:"true"`
	Frequency  string   `json:"frequency" doc:"How often" enum:"daily,weekly,monthly" example:"weekly"`
	Weekday    string   `json:"weekday" doc:"On which day a weekly one goes out" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" example:"monday"`
	Hour       int      `json:"hour" doc:"From which local hour of the business on" minimum:"0" maximum:"23" example:"7"`
	Recipients []string `json:"recipients" nullable:"false" doc:"Which members get it, by role" enum:"owner,admin,analyst,viewer" maxItems:"4" uniqueItems:"true" example:"[\"owner\",\"admin\"]"`
}

type noticeChannels struct {
	Alerts    []string `json:"alerts" nullable:"false" doc:"When an alert fires" enum:"in_app,email" maxItems:"2" uniqueItems:"true" example:"[\"in_app\",\"email\"]"`
	Anomalies []string `json:"anomalies" nullable:"false" doc:"When a KPI is out of the ordinary" enum:"in_app,email" maxItems:"2" uniqueItems:"true" example:"[\"in_app\"]"`
	Sources   []string `json:"sources" nullable:"false" doc:"When a source fails" enum:"in_app,email" maxItems:"2" uniqueItems:"true" example:"[\"in_app\",\"email\"]"`
	Uploads   []string `json:"uploads" nullable:"false" doc:"When an upload is done" enum:"in_app,email" maxItems:"2" uniqueItems:"true" example:"[\"in_app\"]"`
}

// defaultPreferences is what holds until a business says otherwise.
func defaultPreferences() Preferences {
	return Preferences{Locale: "en", WeekStart: "monday", NumberFormat: numberFormat{Decimal: "point", Grouping: "comma", Decimals: 2},
		Digest: digestSettings{Frequency: "weekly", Weekday: "monday", Hour: 7, Recipients: []string{"owner", "admin"}},
		Channels: noticeChannels{Alerts: []string{"in_app", "email"}, Anomalies: []string{"in_app"},
			Sources: []string{"in_app", "email"}, Uploads: []string{"in_app"}},
		Anomalies: anomalySettings{ExpectedAlarms: 0.5, LeastShare: 0.05}}
}

type preferencesOutput struct {
	Body struct {
		Preferences
		Version int64 `json:"version" doc:"Grows with every change; send it back with yours" minimum:"1" example:"2"`
	}
}

type savePreferencesInput struct {
	BusinessInput
	Body struct {
		Preferences
		Version int64 `json:"version,omitempty" doc:"Version that this change was made to; any other is a conflict. Without it the change wins over whatever there is" minimum:"1" example:"2"`
	}
}

func (s *service) registerPreferences() {
	tags := []string{"businesses"}
	register(s, huma.Operation{
		OperationID: "getPreferences", Method: http.MethodGet, Path: "/businesses/{id}/preferences", Tags: tags,
		Summary:     "Preferences of a business",
		Description: "How the business writes numbers and dates, what it is told of and how, and its digest. What was never set has its default.",
	}, s.getPreferences)
	register(s, huma.Operation{
		OperationID: "savePreferences", Method: http.MethodPost, Path: "/businesses/{id}/preferences", Tags: tags,
		Summary:     "Save the preferences of a business",
		Description: "Replaces all preferences. Send the version that you changed: when somebody else was faster, the answer is 409 with the code " + codeChanged + ".",
		Responses:   failing(http.StatusConflict),
	}, s.savePreferences)
}

func (s *service) getPreferences(ctx context.Context, in *BusinessInput) (*preferencesOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &preferencesOutput{}
	err = s.readBusiness(ctx, id, func(t *store.MemberTx) error { return out.read(ctx, t) })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) savePreferences(ctx context.Context, in *savePreferencesInput) (*preferencesOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.Anomalies.ExpectedAlarms == 0 { // left out: the least that may be asked for is more
		in.Body.Anomalies = defaultPreferences().Anomalies
	}
	text, err := json.Marshal(in.Body.Preferences)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("write preferences: %w", err))
	}
	var version *int64
	if in.Body.Version > 0 {
		version = &in.Body.Version
	}
	out := &preferencesOutput{}
	err = s.inBusiness(ctx, id, func(t *store.MemberTx) error {
		note(ctx, id.String(), nil)
		if err := t.ChangeSettings(ctx, text, version, s.clock().UTC()); err != nil {
			return err
		}
		return out.read(ctx, t)
	})
	if err != nil {
		return nil, s.fail(ctx, versionChanged(ctx, err))
	}
	return out, nil
}

// read fills the answer with what is stored, and with the defaults for what is not.
func (out *preferencesOutput) read(ctx context.Context, t *store.MemberTx) error {
	text, version, err := t.Settings(ctx)
	if err != nil {
		return err
	}
	out.Body.Preferences, out.Body.Version = defaultPreferences(), version
	if err := json.Unmarshal(text, &out.Body.Preferences); err != nil {
		return fmt.Errorf("read preferences of business %s: %w", t.BusinessID, err)
	}
	return nil
}
