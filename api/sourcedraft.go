package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/schedule"
	"github.com/signalcraft/signalcraft/api/store"
)

// The kinds of sources that people make.
const (
	kindHTTP     = "http"
	kindSheet    = "sheet"
	kindDatabase = "database"
	kindPush     = "push"
)

// storedSource is the config of a source as it is stored: what its owner said, without the values of secrets. Whoever reads
// sources reads this form too.
type storedSource struct {
	HTTP     *storedHTTP     `json:"http,omitempty"`
	Sheet    *sourceSheet    `json:"sheet,omitempty"`
	Database *storedDatabase `json:"database,omitempty"`
	Mapping  sourceMapping   `json:"mapping"`
	KPIs     []storedKPI     `json:"kpis"`
}

type storedHTTP struct {
	URL        string        `json:"url"`
	Method     string        `json:"method,omitempty"`
	Body       string        `json:"body,omitempty"`
	Headers    []string      `json:"headers,omitempty"`
	Parameters []string      `json:"parameters,omitempty"`
	Format     string        `json:"format"`
	Rows       string        `json:"rows,omitempty"`
	Paging     *sourcePaging `json:"paging,omitempty"`
}

type storedDatabase struct {
	Host     string `json:"host"`
	Port     int    `json:"port,omitempty"`
	Database string `json:"database"`
	User     string `json:"user"`
	TLS      string `json:"tls,omitempty"`
	CA       string `json:"ca,omitempty"`
	Query    string `json:"query"`
}

type storedKPI struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Key         []string `json:"key,omitempty"`
	Column      string   `json:"column,omitempty"`
	NonNegative bool     `json:"non_negative,omitempty"`
}

// target is where the secrets of a source go; when it changes they must be given again, so that nobody who may change
// a source but not read its secrets sends them elsewhere.
func (s storedSource) target() string {
	switch {
	case s.HTTP != nil:
		u, err := url.Parse(s.HTTP.URL)
		if err != nil {
			return s.HTTP.URL
		}
		return u.Scheme + "://" + strings.ToLower(u.Host)
	case s.Database != nil:
		d := s.Database
		return fmt.Sprintf("%s:%d %s %s %s %q", strings.ToLower(d.Host), d.Port, d.Database, d.User, d.TLS, d.CA)
	}
	return ""
}

// draft turns what a member says of a source into what is stored. Before is the source as it is, or of a new one its id alone. It checks
// limits by what the business uses, definition, schedule and secrets.
func (s *service) draft(ctx context.Context, used store.Usage, in SourceBody, before store.SourceRecord) (*store.SourceChange, error) {
	if s.sources == nil || s.secrets == nil {
		return nil, withoutSources(ctx)
	}
	c := &store.SourceChange{ID: before.ID, Name: strings.TrimSpace(in.Name), Kind: in.Kind, Active: in.Active == nil || *in.Active, At: s.clock()}
	err := planSource(ctx, c, in, used.TimeZone)
	if err != nil {
		return nil, err
	}
	if c.KPIs, err = draftKPIs(ctx, in.KPIs, before); err != nil {
		return nil, err
	}
	active := 0
	for _, k := range before.KPIs {
		if k.Active {
			active++
		}
	}
	adds := more{KPIs: len(c.KPIs) - active}
	if before.Kind == "" {
		adds.Sources = 1
	}
	if err := room(ctx, used, adds); err != nil {
		return nil, err
	}
	stored, given, wanted, err := storedForm(ctx, in, c.KPIs)
	if err != nil {
		return nil, err
	}
	if c.Config, err = json.Marshal(stored); err != nil {
		return nil, fmt.Errorf("write definition of source %s: %w", c.ID, err)
	}
	if err := s.checkSource(ctx, in.Kind, c.Config, given); err != nil {
		return nil, err
	}
	return c, s.sealSecrets(ctx, c, stored, before, given, wanted)
}

// planSource sets schedule and next due time.
func planSource(ctx context.Context, c *store.SourceChange, in SourceBody, zone string) error {
	c.Schedule = strings.Join(strings.Fields(in.Schedule), " ")
	if c.Schedule == "" {
		return nil
	}
	if in.Kind == kindPush {
		return invalid(ctx, "body", "schedule", "a source that is pushed to is not read")
	}
	plan, err := schedule.Parse(c.Schedule, zone)
	if err != nil {
		return invalid(ctx, "body", "schedule", err.Error())
	}
	if next := plan.Next(c.At); c.Active && !next.IsZero() {
		c.NextDueAt = &next
	}
	return nil
}

// draftKPIs gives each KPI its id: the one it says, that of the source's KPI of its name, or a new one.
func draftKPIs(ctx context.Context, in []sourceKPI, before store.SourceRecord) ([]store.KPI, error) {
	byName, byID := map[string]uuid.UUID{}, map[uuid.UUID]bool{}
	for _, k := range before.KPIs {
		byName[k.Name], byID[k.ID] = k.ID, true
	}
	kpis := make([]store.KPI, len(in))
	names, taken := map[string]bool{}, map[uuid.UUID]bool{}
	for i, k := range in {
		field := fmt.Sprintf("kpis[%d]", i)
		name := strings.TrimSpace(k.Name)
		if names[name] {
			return nil, invalid(ctx, "body", field+".name", "this name stands twice")
		}
		names[name] = true
		id, known := byName[name]
		if k.ID != "" {
			given, err := uuid.Parse(k.ID)
			if err != nil || !byID[given] {
				return nil, invalid(ctx, "body", field+".id", "not a KPI of this source")
			}
			id = given
		} else if !known {
			var err error
			if id, err = uuid.NewV7(); err != nil {
				return nil, err
			}
		}
		if taken[id] {
			return nil, invalid(ctx, "body", field+".id", "this KPI stands twice")
		}
		taken[id] = true
		kpis[i] = store.KPI{ID: id, SourceID: before.ID, Name: name, Description: k.Description, Unit: k.Unit, Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative}
		complete(&kpis[i], k.Currency)
	}
	return kpis, nil
}

// complete fills in what was left out.
func complete(k *store.KPI, currency string) {
	if currency != "" {
		k.Currency = &currency
		if k.Unit == "" {
			k.Unit = currency
		}
	}
	if k.Aggregation == "" {
		k.Aggregation = "sum"
	}
	if k.Grain == "" {
		k.Grain = "day"
	}
}

// storedForm parts a definition from its secrets: given are the values that came, by name, wanted the names of all that it needs.
func storedForm(ctx context.Context, in SourceBody, kpis []store.KPI) (stored storedSource, given map[string]string, wanted []string, err error) {
	given = map[string]string{}
	take := func(prefix string, secrets []sourceSecret) (names []string) {
		for _, secret := range secrets {
			name := secret.Name
			if prefix == "header/" {
				name = http.CanonicalHeaderKey(name)
			}
			names, wanted = append(names, name), append(wanted, prefix+name)
			if secret.Value != "" {
				given[prefix+name] = secret.Value
			}
		}
		return names
	}
	stored.Sheet = in.Sheet
	if h := in.HTTP; h != nil {
		stored.HTTP = &storedHTTP{URL: h.URL, Method: h.Method, Body: h.Body, Format: h.Format, Rows: h.Rows, Paging: h.Paging,
			Headers: take("header/", h.Headers), Parameters: take("parameter/", h.Parameters)}
	}
	if d := in.Database; d != nil {
		stored.Database = &storedDatabase{Host: d.Host, Port: d.Port, Database: d.Database, User: d.User, TLS: d.TLS, CA: d.CA, Query: d.Query}
		wanted = append(wanted, "password")
		if d.Password != "" {
			given["password"] = d.Password
		}
	}
	if in.Mapping != nil {
		stored.Mapping = *in.Mapping
	}
	if (in.Mapping == nil) != (in.Kind == kindPush) {
		return stored, nil, nil, invalid(ctx, "body", "mapping", "every source but one of kind push needs it, and that has none")
	}
	for i, k := range in.KPIs {
		stored.KPIs = append(stored.KPIs, storedKPI{ID: kpis[i].ID.String(), Name: kpis[i].Name, Key: k.Key, Column: k.Column, NonNegative: k.NonNegative})
	}
	return stored, given, wanted, nil
}

// checkSource asks whoever reads sources whether this one can work.
func (s *service) checkSource(ctx context.Context, kind string, config []byte, given map[string]string) error {
	err := s.sources.Check(kind, config, given)
	var fault *SourceFault
	if errors.As(err, &fault) {
		return invalid(ctx, "body", fault.Field, fault.Issue)
	}
	return err
}

// sealSecrets seals what was given, and makes sure that the rest is there and still goes where it went.
func (s *service) sealSecrets(ctx context.Context, c *store.SourceChange, stored storedSource, before store.SourceRecord, given map[string]string, wanted []string) error {
	c.Sealed = map[string]string{}
	for name, value := range given {
		c.Sealed[name] = s.secrets.Seal(secretPurpose(c.ID, name), []byte(value))
	}
	if c.Kind == kindPush {
		return nil // its keys are made and rotated, not given
	}
	held := map[string]bool{}
	for _, secret := range before.Secrets {
		held[secret.Name] = true
	}
	var old storedSource
	if before.Kind != "" {
		if err := json.Unmarshal(before.Config, &old); err != nil {
			return fmt.Errorf("read definition of source %s: %w", c.ID, err)
		}
	}
	moved := old.target() != stored.target()
	c.Keep = []string{}
	for _, name := range wanted {
		switch {
		case given[name] != "":
		case !held[name] && name == "password":
			continue // some servers want none
		case !held[name]:
			return invalid(ctx, "body", secretField(stored, name), "a value is needed")
		case moved:
			return invalid(ctx, "body", secretField(stored, name), "the address changed: give this secret again")
		}
		c.Keep = append(c.Keep, name)
	}
	return nil
}

// secretField is where a secret stands in the request.
func secretField(stored storedSource, name string) string {
	part, rest, _ := strings.Cut(name, "/")
	switch part {
	case "header":
		return fmt.Sprintf("http.headers[%d].value", slices.Index(stored.HTTP.Headers, rest))
	case "parameter":
		return fmt.Sprintf("http.parameters[%d].value", slices.Index(stored.HTTP.Parameters, rest))
	}
	return "database.password"
}

// secretPurpose binds a sealed secret to its row.
func secretPurpose(source uuid.UUID, name string) string {
	return "kpi_sources/" + source.String() + "/" + name
}
